import type { Clock } from '#src/base/clock.ts'
import { secondsToMs } from '#src/base/clock.ts'
import { DnsError } from './dns-message.ts'
import type { Answer, Ask, RecordType } from './dns-port.ts'

const maxEntries = 2000
const maxUnderWay = 256
/** RFC 8767 5: how long what was known once is better than nothing. */
const staleForMs = secondsToMs(7 * 86_400)
/** RFC 8767 5: a caller does not wait longer than this for news about what it could have already. */
const staleAfterWaitMs = 1800
/** RFC 8767 5: a server that failed is not asked again for the same thing before this. */
const retryAfterFailureMs = secondsToMs(30)
/** The same where nothing was known before, so that a storm of calls does not become a storm of questions. */
const failureForMs = secondsToMs(5)

interface Entry {
  answer: Answer<RecordType> | undefined
  /** Monotonic; until then the answer, or without one the failure, is used without asking. */
  freshUntilMs: number
  staleUntilMs: number
  failure: unknown
}

/** Remembers answers for as long as they live, and longer while no server answers. */
export class DnsCache {
  readonly #ask: Ask
  readonly #clock: Clock
  /** By type and name, longest known first. */
  readonly #entries = new Map<string, Entry>()
  readonly #underWay = new Map<string, Promise<Answer<RecordType>>>()

  constructor(ask: Ask, clock: Clock) {
    this.#ask = ask
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  /** The records of a name; rejects when no server answers and nothing was known. */
  async find<Type extends RecordType>(type: Type, name: string): Promise<Answer<Type>> {
    const key = `${type} ${name}`
    const nowMs = this.#clock.monotonicMs()
    const known = this.#entries.get(key)
    if (known && known.freshUntilMs > nowMs) {
      if (known.answer) return known.answer as Answer<Type>
      throw known.failure
    }
    const asking = this.#askOnce(key, type, name)
    const stale = known && known.staleUntilMs > nowMs ? known.answer : undefined
    if (!stale) return (await asking) as Answer<Type>
    return (await this.#orAfter(asking, stale)) as Answer<Type>
  }

  // Equal questions wait for the same answer.
  #askOnce(key: string, type: RecordType, name: string): Promise<Answer<RecordType>> {
    const underWay = this.#underWay.get(key)
    if (underWay) return underWay
    if (this.#underWay.size >= maxUnderWay) {
      return Promise.reject(new DnsError('EBUSY', 'too many DNS questions are open'))
    }
    const asking = this.#ask(type, name)
      .then(
        (answer) => {
          this.#keep(key, answer)
          return answer
        },
        (error: unknown) => {
          this.#keepFailure(key, error)
          throw error
        },
      )
      .finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asking)
    return asking
  }

  #orAfter(asking: Promise<Answer<RecordType>>, stale: Answer<RecordType>): Promise<Answer<RecordType>> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(staleAfterWaitMs, () => resolve(stale))
      const settle = (answer: Answer<RecordType>): void => {
        timer.cancel()
        resolve(answer)
      }
      asking.then(settle, () => settle(stale))
    })
  }

  #keep(key: string, answer: Answer<RecordType>): void {
    const freshUntilMs = this.#clock.monotonicMs() + answer.ttlMs
    // "No such name" is not worth keeping past its time.
    const staleMs = answer.records.length > 0 ? staleForMs : 0
    this.#set(key, { answer, freshUntilMs, staleUntilMs: freshUntilMs + staleMs, failure: undefined })
  }

  #keepFailure(key: string, failure: unknown): void {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#entries.get(key)
    if (known?.answer && known.staleUntilMs > nowMs && known.answer.records.length > 0) {
      known.freshUntilMs = nowMs + retryAfterFailureMs
      return
    }
    const untilMs = nowMs + failureForMs
    this.#set(key, { answer: undefined, freshUntilMs: untilMs, staleUntilMs: untilMs, failure })
  }

  #set(key: string, entry: Entry): void {
    this.#entries.delete(key)
    if (this.#entries.size >= maxEntries) {
      const oldest = this.#entries.keys().next().value
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    this.#entries.set(key, entry)
  }
}
