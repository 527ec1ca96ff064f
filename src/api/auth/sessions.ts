import { createHash } from 'node:crypto'
import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { SecretStore } from '#src/store/store.ts'

interface Session {
  createdAtMs: number
  lastUsedAtMs: number
}

/** Name of the secret that holds the logins. */
export const sessionsName = 'page.sessions'
const idleMs = 4 * 3_600_000
const absoluteMs = 7 * 24 * 3_600_000
const saveEveryMs = 5 * 60_000
const maxSessions = 50

/**
 * Who is logged in. Ids are 256 random bits and live in the browser's cookie only; the box keeps their SHA-256,
 * sealed in the store, so that a restart (which some settings need) does not log the admin out.
 * A session ends four hours after its last request and seven days after login.
 */
export class Sessions {
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #byHash = new Map<string, Session>()
  #secrets: SecretStore | undefined
  #savedAtMs = 0

  constructor(needs: { clock: Clock; random: Random; logger: Logger }) {
    this.#clock = needs.clock
    this.#random = needs.random
    this.#logger = needs.logger
  }

  /** Reads what an earlier run saved once the store is there. */
  attach(secrets: SecretStore | undefined): void {
    if (secrets === this.#secrets) return
    this.#secrets = secrets
    if (!secrets) return
    for (const [hash, session] of parseSaved(secrets.get(sessionsName))) this.#byHash.set(hash, session)
  }

  /** Starts a session and returns its id for the cookie. */
  create(): string {
    const id = this.#random.bytes(32).toString('base64url')
    const nowMs = this.#clock.nowMs()
    this.#dropExpired(nowMs)
    this.#byHash.set(hashOf(id), { createdAtMs: nowMs, lastUsedAtMs: nowMs })
    for (const oldest of this.#byHash.keys()) {
      if (this.#byHash.size <= maxSessions) break
      this.#byHash.delete(oldest)
    }
    this.#save(nowMs)
    return id
  }

  /** True while the session lives. `touch` counts this as use. */
  isLive(id: string | undefined, touch: boolean): boolean {
    if (id === undefined) return false
    const session = this.#byHash.get(hashOf(id))
    const nowMs = this.#clock.nowMs()
    if (!session || hasExpired(session, nowMs)) return false
    if (touch) {
      session.lastUsedAtMs = nowMs
      if (nowMs - this.#savedAtMs >= saveEveryMs) this.#save(nowMs)
    }
    return true
  }

  remove(id: string): void {
    if (this.#byHash.delete(hashOf(id))) this.#save(this.#clock.nowMs())
  }

  /** Ends all sessions but one: after a password change. */
  removeOthers(id: string | undefined): void {
    const keep = id === undefined ? undefined : hashOf(id)
    for (const hash of [...this.#byHash.keys()]) if (hash !== keep) this.#byHash.delete(hash)
    this.#save(this.#clock.nowMs())
  }

  #dropExpired(nowMs: number): void {
    for (const [hash, session] of [...this.#byHash]) {
      if (hasExpired(session, nowMs)) this.#byHash.delete(hash)
    }
  }

  /** A store that refuses costs a login after the next restart, not the request at hand. */
  #save(nowMs: number): void {
    this.#savedAtMs = nowMs
    try {
      this.#secrets?.set(sessionsName, JSON.stringify([...this.#byHash]))
    } catch (error) {
      this.#logger.warn({ err: error }, 'the logins were not saved')
    }
  }
}

function hasExpired(session: Session, nowMs: number): boolean {
  return nowMs - session.lastUsedAtMs > idleMs || nowMs - session.createdAtMs > absoluteMs
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}

/** What cannot be read is no session: people log in again. */
function parseSaved(text: string | undefined): [string, Session][] {
  if (text === undefined) return []
  try {
    const saved: unknown = JSON.parse(text)
    return Array.isArray(saved) ? saved.filter(isSavedSession) : []
  } catch {
    return []
  }
}

function isSavedSession(entry: unknown): entry is [string, Session] {
  if (!Array.isArray(entry) || typeof entry[0] !== 'string') return false
  const session = entry[1] as Partial<Session> | null
  return typeof session?.createdAtMs === 'number' && typeof session.lastUsedAtMs === 'number'
}
