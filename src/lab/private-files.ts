import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '#src/base/errors.ts'

/** Reads a file of the lab's directory; undefined when it does not exist. */
export async function readPrivate(dir: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, name), 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new ApplianceError('LAB_FAILED', { file: join(dir, name) }, { cause: error })
  }
}

/** Writes a file that only its owner can read, whole or not at all. */
export async function writePrivate(dir: string, name: string, text: string): Promise<void> {
  const path = join(dir, name)
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const half = `${path}.new`
    const file = await open(half, 'w', 0o600)
    try {
      // An old half-written file keeps its mode through open(); what we write is private all the same.
      await chmod(half, 0o600)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(half, path)
  } catch (error) {
    throw new ApplianceError('LAB_FAILED', { file: path }, { cause: error })
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
