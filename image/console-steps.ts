import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** Where one step stands on the console: its name while it runs, its time when it is over. */
export interface Steps {
  /** Runs a step, prints its name and then how long it took; a failure is printed and thrown on. */
  step: <T>(name: string, work: () => Promise<T> | T) => Promise<T>
  /** Seconds since the first step. */
  elapsedS: () => number
}

/** Prints steps one below the other, with times. */
export function consoleSteps(): Steps {
  const startMs = performance.now()
  const seconds = (sinceMs: number): string => ((performance.now() - sinceMs) / 1000).toFixed(1)
  return {
    elapsedS: () => Number(seconds(startMs)),
    async step(name, work) {
      const stepMs = performance.now()
      process.stdout.write(`${name} ...\n`)
      try {
        const result = await work()
        process.stdout.write(`  ${seconds(stepMs)} s\n`)
        return result
      } catch (error) {
        process.stdout.write(`  failed after ${seconds(stepMs)} s\n`)
        throw error
      }
    },
  }
}

/** Runs a program with its output in a log file; throws with the end of that log when it fails. */
export async function runLogged(
  command: readonly string[],
  options: { logFile: string; cwd?: string; env?: Record<string, string> },
): Promise<void> {
  const [program, ...args] = command as [string, ...string[]]
  const log = createWriteStream(options.logFile, { flags: 'a' })
  log.write(`\n$ ${command.join(' ')}\n`)
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.once('error', reject)
    child.once('close', resolve)
  })
  await new Promise<void>((resolve) => log.end(resolve))
  if (code === 0) return
  const end = (await readFile(options.logFile, 'utf8')).split('\n').slice(-40).join('\n')
  throw new Error(`${program} ended with ${code}; the end of ${options.logFile}:\n${end}`)
}
