import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Where a certificate and its key lie; both paths go into the settings together. */
export interface CertificateFiles {
  certificateFile: string
  keyFile: string
}

/**
 * Writes certificate and key, 0600, into a fresh folder below `folder`, which appears only when it is complete: the
 * pair in use is never half replaced. Rejects with the system's error (a full disk).
 */
export async function writeCertificate(
  folder: string,
  pair: { certificatePem: string; keyPem: string },
): Promise<CertificateFiles> {
  const name = createHash('sha256').update(pair.certificatePem).update(pair.keyPem).digest('hex').slice(0, 16)
  const target = join(folder, name)
  const fresh = `${target}.new`
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await writeSynced(join(fresh, 'certificate.pem'), pair.certificatePem)
  await writeSynced(join(fresh, 'key.pem'), pair.keyPem)
  // The same pair again: the name tells its content, so what is there is as good.
  await rm(target, { recursive: true, force: true })
  await rename(fresh, target)
  return { certificateFile: join(target, 'certificate.pem'), keyFile: join(target, 'key.pem') }
}

/** Removes every pair but the one in use. */
export async function removeOthers(folder: string, inUse: CertificateFiles): Promise<void> {
  const keep = basename(dirname(inUse.certificateFile))
  for (const name of await readdir(folder)) {
    if (name !== keep) await rm(join(folder, name), { recursive: true, force: true })
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
