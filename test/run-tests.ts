// Runs every test, or those named on the command line, with node-tap. Prints a line per file as it ends and the whole
// story of whatever failed, and closes with one plain line of counts.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const started = performance.now()
const child = spawn('tap', ['--reporter=tap', ...process.argv.slice(2)], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)))

const counts = new Map<string, number>()
let story: string[] = []
let insideDiagnosis = false

for await (const line of createInterface({ input: child.stdout })) {
  const summary = /^# \{ ([^}]*) \}\s*$/.exec(line)
  for (const [, name, value] of (summary?.[1] ?? '').matchAll(/(\w+): (\d+)/g))
    counts.set(name as string, Number(value))
  if (/^\s+not ok /.test(line)) story.push(line)
  else if (/^\s+---$/.test(line) && story.length > 0) insideDiagnosis = true
  if (insideDiagnosis) {
    story.push(line)
    if (/^\s+\.\.\.$/.test(line)) insideDiagnosis = false
  }
  const file = /^(ok|not ok) \d+ - (\S+)/.exec(line)
  if (!file) continue
  const time = / # time=([\d.]+m?s)/.exec(line)?.[1] ?? ''
  console.log(
    `${file[1] === 'ok' ? 'ok     ' : 'FAILED '} ${file[2]} ${time}${/# SKIP/i.test(line) ? ' (skipped)' : ''}`,
  )
  if (file[1] !== 'ok') console.log(story.join('\n'))
  story = []
}

const exitCode = await ended
const passed = counts.get('pass') ?? 0
const failed = counts.get('fail') ?? 0
const skipped = (counts.get('skip') ?? 0) + (counts.get('todo') ?? 0)
console.log(`\nTests took ${Math.round((performance.now() - started) / 1000)} s.`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = exitCode !== 0 || failed > 0 || passed === 0 ? 1 : 0
