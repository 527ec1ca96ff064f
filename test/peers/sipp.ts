import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SippRun {
  /** Scenario as XML text. */
  scenario: string
  /** Lines of the injection file; each a list of fields. */
  fields?: string[][]
  localPort: number
  /** host:port; undefined for a scenario that waits for calls. */
  target?: string
  transport?: 'u1' | 't1' | 'tn'
  /** Calls per second and in all. */
  rate?: number
  calls?: number
  /** Most calls at the same time. */
  limit?: number
  mediaPort?: number
  extra?: string[]
}

export interface SippResult {
  exitCode: number
  successful: number
  failed: number
  retransmissions: number
  errors: string
  /** What the scenario's log actions wrote, line by line. */
  logs: string[]
}

export interface SippProcess {
  pid: number
  /** Resolves when SIPp has made all its calls, or was stopped. */
  done: Promise<SippResult>
  /** Asks SIPp to finish (SIGUSR1: no new calls, wait for running ones), then ends it. */
  stop(): Promise<SippResult>
}

/** Starts Debian's SIPp on loopback. */
export function startSipp(run: SippRun): SippProcess {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'))
  writeFileSync(join(folder, 'scenario.xml'), run.scenario)
  const args = [
    '-sf',
    'scenario.xml',
    '-i',
    '127.0.0.1',
    '-p',
    String(run.localPort),
    '-t',
    run.transport ?? 'u1',
    '-nostdin',
  ]
  if (run.fields) {
    writeFileSync(
      join(folder, 'fields.csv'),
      `SEQUENTIAL\n${run.fields.map((line) => line.join(';')).join('\n')}\n`,
    )
    args.push('-inf', 'fields.csv')
  }
  if (run.target) args.push(run.target)
  if (run.rate !== undefined) args.push('-r', String(run.rate))
  if (run.calls !== undefined) args.push('-m', String(run.calls))
  if (run.limit !== undefined) args.push('-l', String(run.limit))
  if (run.mediaPort !== undefined) args.push('-mi', '127.0.0.1', '-mp', String(run.mediaPort))
  args.push(
    '-trace_stat',
    '-stf',
    'stat.csv',
    '-fd',
    '1',
    '-trace_err',
    '-error_file',
    'errors.log',
    '-trace_logs',
    '-log_file',
    'actions.log',
    ...(run.extra ?? []),
  )
  const child = spawn('sipp', args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TERM: 'dumb' },
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-20_000)
  })
  const done = new Promise<SippResult>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      const result = { exitCode: code ?? -1, ...readStats(folder), ...readTexts(folder, stderr) }
      rmSync(folder, { recursive: true, force: true })
      resolve(result)
    })
  })
  return {
    pid: child.pid as number,
    done,
    stop() {
      if (child.exitCode === null) {
        child.kill('SIGUSR1')
        setTimeout(() => child.kill('SIGTERM'), 1500).unref()
        setTimeout(() => child.kill('SIGKILL'), 5000).unref()
      }
      return done
    },
  }
}

function readStats(folder: string): Pick<SippResult, 'successful' | 'failed' | 'retransmissions'> {
  try {
    const lines = readFileSync(join(folder, 'stat.csv'), 'utf8').trim().split('\n')
    const names = (lines[0] as string).split(';')
    const values = (lines.at(-1) as string).split(';')
    const value = (name: string): number => Number(values[names.indexOf(name)] ?? 0)
    return {
      successful: value('SuccessfulCall(C)'),
      failed: value('FailedCall(C)'),
      retransmissions: value('Retransmissions(C)'),
    }
  } catch {
    return { successful: 0, failed: 0, retransmissions: 0 }
  }
}

function readTexts(folder: string, stderr: string): Pick<SippResult, 'errors' | 'logs'> {
  const read = (start: string): string => {
    const name = readdirSync(folder).find((file) => file.startsWith(start))
    return name ? readFileSync(join(folder, name), 'utf8') : ''
  }
  return {
    errors: read('errors').slice(-8000) + stderr,
    logs: read('actions')
      .split('\n')
      .filter((line) => line !== ''),
  }
}
