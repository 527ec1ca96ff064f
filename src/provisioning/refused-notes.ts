import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { AuditStore } from '#src/store/store.ts'
import type { RefusedNote } from './ports.ts'

const maxNotes = 200
/** What nobody has acted on for a day says nothing any more. */
const noteLifeMs = 86_400_000
/** One audit entry per device in this time, however often somebody asks. */
const auditEveryMs = 3_600_000
/** And no more than so many per hour over all devices: guessing must not fill the audit log either. */
const maxAuditsPerHour = 60

/**
 * What the admin should know about refused requests, in memory: one note per device of ours, so that no number of
 * guesses makes it grow.
 */
export class RefusedNotes {
  readonly #clock: Clock
  readonly #audit: Pick<AuditStore, 'add'>
  readonly #logger: Logger
  /** By device, latest last. */
  readonly #notes = new Map<string, RefusedNote & { auditedAtMs: number }>()
  #hour = { startedAtMs: -Infinity, audits: 0 }

  constructor(needs: { clock: Clock; audit: Pick<AuditStore, 'add'>; logger: Logger }) {
    this.#clock = needs.clock
    this.#audit = needs.audit
    this.#logger = needs.logger
  }

  /** True when the note says something that it did not say before. */
  add(deviceId: string, from: string, why: RefusedNote['why']): boolean {
    const atMs = this.#clock.nowMs()
    const before = this.#notes.get(deviceId)
    const isNew = before?.from !== from || before.why !== why
    const auditedAtMs = this.#auditIfDue(deviceId, { from, why }, before?.auditedAtMs)
    this.#notes.delete(deviceId)
    this.#notes.set(deviceId, { deviceId, from, atMs, count: (before?.count ?? 0) + 1, why, auditedAtMs })
    const [oldest] = this.#notes.keys()
    if (this.#notes.size > maxNotes && oldest !== undefined) this.#notes.delete(oldest)
    return isNew
  }

  find(deviceId: string): RefusedNote | undefined {
    return this.#notes.get(deviceId)
  }

  forget(deviceId: string): void {
    this.#notes.delete(deviceId)
  }

  /** Latest first. */
  list(): RefusedNote[] {
    const sinceMs = this.#clock.nowMs() - noteLifeMs
    return [...this.#notes.values()]
      .filter(({ atMs }) => atMs > sinceMs)
      .map(({ deviceId, from, atMs, count, why }) => ({ deviceId, from, atMs, count, why }))
      .reverse()
  }

  #auditIfDue(deviceId: string, details: { from: string; why: string }, lastAtMs = -Infinity): number {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - lastAtMs < auditEveryMs) return lastAtMs
    if (nowMs - this.#hour.startedAtMs >= auditEveryMs) this.#hour = { startedAtMs: nowMs, audits: 0 }
    if (++this.#hour.audits > maxAuditsPerHour) return lastAtMs
    try {
      const action = 'device.configurationRefused'
      this.#audit.add({ atMs: this.#clock.nowMs(), actor: 'system', action, subject: deviceId, details })
    } catch (error) {
      this.#logger.error({ err: error, deviceId, ...details }, 'an audit entry was lost')
    }
    return nowMs
  }
}
