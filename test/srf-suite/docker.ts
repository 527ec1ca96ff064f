// Stands in for `docker` while drachtio-srf's suite runs: `docker run … sipp …` becomes SIPp itself, with an address
// of its own on loopback as a container would have.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { callerNetwork, shimVariable, type ShimSettings } from './plan.ts'

const settings = JSON.parse(process.env[shimVariable] ?? '') as ShimSettings
const command = process.argv.slice(2)
const start = command.indexOf('sipp')
if (command[0] !== 'run' || start < 0) {
  process.stderr.write(`this docker knows only "run … sipp …", not: ${command.join(' ')}\n`)
  process.exit(2)
}
const name = command[command.indexOf('--name') + 1]
const own = command.includes('--name') ? settings.hosts[name ?? ''] : nextCaller()
if (own === undefined) {
  process.stderr.write(`no address is kept for the container ${name}\n`)
  process.exit(2)
}
const args = command
  .slice(start + 1)
  .map((argument) => settings.hosts[argument] ?? argument.replace('/tmp/scenarios', settings.scenarios))
const sipp = spawn('sipp', [...args, '-i', own, '-p', '5060'], { stdio: 'inherit', cwd: settings.numbers })
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => sipp.kill(signal))
sipp.on('error', (error) => {
  process.stderr.write(`SIPp does not start: ${error.message}\n`)
  process.exit(2)
})
sipp.on('exit', (code) => process.exit(code ?? 1))

/** A new address for each caller: making a folder succeeds for one only. */
function nextCaller(): string {
  for (let number = 1; number < 255; number++) {
    try {
      mkdirSync(join(settings.numbers, String(number)))
      return `${callerNetwork}${number}`
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error
    }
  }
  throw new Error('all addresses for callers are taken')
}
