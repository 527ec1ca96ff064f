import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Reads a capture with tshark and gives the named fields of every packet that has one of them, as text. A field that
 * occurs more than once in a packet has its values joined by commas.
 */
export async function readCapture(
  capture: Buffer,
  fields: readonly string[],
  options: readonly string[] = [],
): Promise<Record<string, string>[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tshark-'))
  try {
    const file = join(folder, 'capture.pcapng')
    writeFileSync(file, capture)
    const { stdout } = await run(
      'tshark',
      [
        '-r',
        file,
        ...options,
        '-T',
        'fields',
        '-E',
        'separator=/t',
        ...fields.flatMap((field) => ['-e', field]),
      ],
      { maxBuffer: 32 * 1024 * 1024 },
    )
    return stdout
      .split('\n')
      .filter((line) => line.replaceAll('\t', '') !== '')
      .map((line) => {
        const values = line.split('\t')
        return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? '']))
      })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
