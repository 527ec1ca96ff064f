import type { LoopDelay } from './loop-watch.ts'

/** What the engine under fuzz measures of itself; memory after garbage collection. */
export interface Sample {
  loop: LoopDelay
  rss: number
  heapUsed: number
  external: number
  /** Requests that the application could not read or whose dialog broke; no failure of the engine. */
  refusals: number
  /** Uncaught exceptions and unhandled rejections since the last sample. */
  errors: string[]
  counters: Record<string, number>
}

export type ToChild = { kind: 'sample' } | { kind: 'stop' }

export type FromChild =
  { kind: 'ready'; ports: Record<string, number>; door: number } | { kind: 'sample'; sample: Sample }
