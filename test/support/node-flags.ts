import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '#test/house/source-files.ts'

/** What the unit of the appliance starts node with, but for the loader that only the image has. */
export function nodeFlags(): string[] {
  const unit = readFileSync(join(root, 'systemd/branchline.service'), 'utf8').replaceAll('\\\n', ' ')
  const command = /^ExecStart=\S+\/node (.*?) \S+\/main\.ts /m.exec(unit)?.[1] ?? ''
  return command.split(/\s+/).filter((flag) => !flag.startsWith('--import='))
}
