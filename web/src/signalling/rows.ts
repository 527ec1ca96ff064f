import type { TracedMessageView } from '#src/api/schema/traces.ts'

/** One arrow: a message and when it went, retransmissions included. */
export interface LadderRow {
  index: number
  message: TracedMessageView
  /** Epoch ms of every time that it was sent, first to last. */
  times: number[]
}

/** Retransmissions belong to the message that they repeat. */
export function foldRepeats(messages: readonly TracedMessageView[]): LadderRow[] {
  const rows = new Map<number, LadderRow>()
  for (const [index, message] of messages.entries()) {
    const first = message.repeatOf === null ? undefined : rows.get(message.repeatOf)
    if (first) first.times.push(message.atMs)
    else rows.set(index, { index, message, times: [message.atMs] })
  }
  return [...rows.values()]
}

/** 0.000, 12.345, 1:02.345: time since the first message. */
export function formatOffset(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000)
  const seconds = (Math.max(0, ms) % 60_000) / 1000
  return minutes === 0 ? seconds.toFixed(3) : `${minutes}:${seconds.toFixed(3).padStart(6, '0')}`
}

/** 18:12:03.123456: the wall clock to the microsecond. */
export function formatClock(atMs: number): string {
  const at = new Date(atMs)
  const whole = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
  const micros = Math.floor((((atMs % 1000) + 1000) % 1000) * 1000)
  return `${whole}.${String(micros).padStart(6, '0')}`
}
