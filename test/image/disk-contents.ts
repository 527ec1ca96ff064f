import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'

const sectorBytes = 512

/** One partition of a disk image. */
export interface Partition {
  name: string
  /** Bytes from the beginning of the disk. */
  offset: number
  size: number
}

/** The partitions of a disk image, in order (UEFI 2.10, chapter 5.3: GPT). */
export function listPartitions(disk: string): Partition[] {
  const handle = openSync(disk, 'r')
  try {
    const read = (offset: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length)
      readSync(handle, bytes, 0, length, offset)
      return bytes
    }
    const header = read(sectorBytes, sectorBytes)
    if (header.toString('latin1', 0, 8) !== 'EFI PART') throw new Error(`${disk} has no partition table`)
    const entryBytes = header.readUInt32LE(84)
    const entries = read(
      Number(header.readBigUInt64LE(72)) * sectorBytes,
      header.readUInt32LE(80) * entryBytes,
    )
    const found: Partition[] = []
    for (let at = 0; at < entries.length; at += entryBytes) {
      const entry = entries.subarray(at, at + entryBytes)
      if (entry.subarray(0, 16).every((byte) => byte === 0)) continue
      const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))]
      const name = entry.toString('utf16le', 56, 128).replace(/\0.*$/s, '')
      found.push({ name, offset: first * sectorBytes, size: (last - first + 1) * sectorBytes })
    }
    return found
  } finally {
    closeSync(handle)
  }
}

/** The journal that a machine which is switched off kept, as text; for failure messages. */
export function readJournal(disk: string, folder: string): string {
  onData(disk, `rdump /log/journal ${folder}`)
  return execFileSync(
    'journalctl',
    ['-D', `${folder}/journal`, '-o', 'short-monotonic', '--no-pager', '-q'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    },
  )
}

/** Reads a file of the data partition of a machine that is switched off, without mounting it. */
export function readDataFile(disk: string, path: string): string {
  return onData(disk, `cat ${path}`)
}

function onData(disk: string, command: string): string {
  const data = listPartitions(disk).find(({ name }) => name === 'branchline-data')
  if (!data) throw new Error('the disk has no data partition')
  return execFileSync('debugfs', ['-R', command, `${disk}?offset=${data.offset}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}
