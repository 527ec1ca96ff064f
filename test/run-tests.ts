// Runs every test (or those named on the command line) with node-tap and closes with one plain line of counts.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'branchline-tests-'))
const tapFile = join(folder, 'results.tap')
const started = performance.now()
const child = spawn(
  'tap',
  ['--reporter=terse', `--output-file=${tapFile}`, ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
const exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)))

const text = readFileSync(tapFile, 'utf8')
rmSync(folder, { recursive: true, force: true })
const counts = new Map<string, number>()
const summary = /^# \{ ([^}]*) \}\s*$/gm
let last: RegExpExecArray | null = null
for (let match = summary.exec(text); match; match = summary.exec(text)) last = match
for (const [, name, value] of (last?.[1] ?? '').matchAll(/(\w+): (\d+)/g)) {
  counts.set(name as string, Number(value))
}
const passed = counts.get('pass') ?? 0
const failed = counts.get('fail') ?? 0
const skipped = (counts.get('skip') ?? 0) + (counts.get('todo') ?? 0)
console.log(`\nTests took ${Math.round((performance.now() - started) / 1000)} s.`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = exitCode !== 0 || failed > 0 || passed === 0 ? 1 : 0
