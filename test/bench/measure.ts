import { cpuMs } from '#test/peers/process-cpu.ts'
import type { SippResult } from '#test/peers/sipp.ts'

/** What several rounds of one measurement gave. */
export interface Rounds {
  min: number
  median: number
}

/** Smallest and middle value of some rounds. */
export function summarise(values: readonly number[]): Rounds {
  const sorted = [...values].sort((first, second) => first - second)
  const half = sorted.length / 2
  const median =
    sorted.length % 2 === 1
      ? (sorted[Math.floor(half)] as number)
      : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2
  return { min: sorted[0] as number, median }
}

/** Throws unless SIPp made at least one call and none failed: a figure of a run with failures means nothing. */
export function must(result: SippResult, what: string): void {
  if (result.failed > 0 || result.successful === 0) {
    throw new Error(`${what}: ${result.successful} succeeded, ${result.failed} failed\n${result.errors}`)
  }
}

/** CPU per unit of work in microseconds, all threads, less what the process uses when nothing happens. */
export async function cpuPerUnit(pid: number, units: number, work: () => Promise<void>): Promise<number> {
  const idleStart = cpuMs(pid)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const idlePerMs = (cpuMs(pid) - idleStart) / 1000
  const startedMs = performance.now()
  const before = cpuMs(pid)
  await work()
  const spentMs = cpuMs(pid) - before - idlePerMs * (performance.now() - startedMs)
  return (spentMs * 1000) / units
}

/** Cuts a figure for people. */
export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits))
}
