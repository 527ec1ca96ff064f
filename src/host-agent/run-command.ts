import { spawn } from 'node:child_process'
import type { Runner } from './linux-machine.ts'

/** What a program may say before the rest is dropped, characters. */
const maxOutput = 4_096
/** A program of the system that takes longer hangs. */
const limitMs = 20_000

/** Runs a program without a shell; a program that is missing or hangs counts as failed. */
export const runCommand: Runner = ([program, ...args]) =>
  new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-maxOutput)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ code: 127, output: error.message }))
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 1, output: signal === null ? output : `ended by ${signal}` }),
    )
  })
