import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { databaseFileName, prepareDataDir, syncDirectory } from './data-dir.ts'
import { sealKeyBytes } from './seal.ts'

/** Where the sealing key may come from. */
export interface SealKeySources {
  /** A file that systemd put there (`$CREDENTIALS_DIRECTORY/branchline-seal-key`); used when it exists. */
  credentialPath?: string | undefined
  /** A file of mode 0600, made at first start when there is no credential. */
  keyFile: string
  /** The database that the key belongs to; beside the key file by default. */
  databaseFile?: string
}

/**
 * Loads the key that seals the secrets, or makes it at the very first start. Never makes a new one beside a
 * database that exists: its secrets could not be opened any more. Throws SEAL_KEY_MISSING.
 */
export function loadSealKey(sources: SealKeySources): Buffer {
  const { credentialPath, keyFile } = sources
  if (credentialPath !== undefined && existsSync(credentialPath)) return readKey(credentialPath)
  if (existsSync(keyFile)) {
    refuseOpenMode(keyFile)
    return readKey(keyFile)
  }
  const databaseFile = sources.databaseFile ?? join(dirname(keyFile), databaseFileName)
  if (existsSync(databaseFile)) {
    throw new ApplianceError(
      'SEAL_KEY_MISSING',
      { keyFile, databaseFile },
      {
        advice:
          `Put the key back as ${keyFile} (mode 0600). If it is lost for good, move ${databaseFile} away: ` +
          'the box then starts empty, with a new key.',
      },
    )
  }
  prepareDataDir(dirname(keyFile))
  return makeKey(keyFile)
}

function refuseOpenMode(keyFile: string): void {
  const mode = statSync(keyFile).mode & 0o777
  if ((mode & 0o077) === 0) return
  throw new ApplianceError(
    'SEAL_KEY_MISSING',
    { keyFile, mode: mode.toString(8) },
    {
      text: 'The key that seals the secrets can be read by others.',
      advice: `chmod 600 ${keyFile}, and consider that somebody may have read it.`,
    },
  )
}

function readKey(path: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new ApplianceError(
      'SEAL_KEY_MISSING',
      { path, reason: errorText(error) },
      { cause: error, advice: `Make ${path} readable for the service.` },
    )
  }
  const key = decodeKey(bytes)
  if (key) return key
  throw new ApplianceError(
    'SEAL_KEY_MISSING',
    { path },
    { advice: `${path} must hold 32 bytes, raw, as 64 hexadecimal digits, or in Base64.` },
  )
}

function decodeKey(bytes: Buffer): Buffer | undefined {
  if (bytes.length === sealKeyBytes) return bytes
  const text = bytes.toString('latin1').trim()
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, 'base64')
  return undefined
}

function makeKey(keyFile: string): Buffer {
  const key = randomBytes(sealKeyBytes)
  try {
    const handle = openSync(keyFile, 'wx', 0o600)
    try {
      writeSync(handle, `${key.toString('hex')}\n`)
      // On disk before the first secret is sealed with it: a power cut must not leave secrets without a key.
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    syncDirectory(dirname(keyFile))
  } catch (error) {
    throw new ApplianceError(
      'SEAL_KEY_MISSING',
      { keyFile, reason: errorText(error) },
      {
        cause: error,
        advice: `The key could not be written: make ${dirname(keyFile)} writable for the service.`,
      },
    )
  }
  return key
}
