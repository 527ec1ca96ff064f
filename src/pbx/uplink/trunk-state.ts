import type { Clock } from '#src/base/clock.ts'
import type { TeamsHost } from '#src/model/tenant.ts'
import type { TrunkHealth } from '../ports.ts'

/** Longest time for which a host that says it is overloaded is asked last. */
const maxRestMs = 300_000
/** A host is healthy while one of the last three OPTIONS was answered. */
const healthyIntervals = 3

interface HostState {
  host: TeamsHost
  /** Monotonic ms of the last good answer. */
  okAtMs: number | undefined
  lastOkAtMs: number | undefined
  lastError: string | undefined
  asked: boolean
  /** Monotonic ms until which it wants to be left alone. */
  restsUntilMs: number
}

/** What is known of the trunk's hosts, from OPTIONS and from calls. */
export class TrunkState {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #hosts: HostState[]
  readonly #onChange: (health: TrunkHealth) => void
  #told: string

  constructor(options: {
    hosts: readonly TeamsHost[]
    intervalMs: number
    clock: Clock
    onChange: (health: TrunkHealth) => void
  }) {
    this.#clock = options.clock
    this.#intervalMs = options.intervalMs
    this.#onChange = options.onChange
    this.#hosts = options.hosts.map((host) => ({
      host,
      okAtMs: undefined,
      lastOkAtMs: undefined,
      lastError: undefined,
      asked: false,
      restsUntilMs: 0,
    }))
    this.#told = this.#summary()
  }

  noteOk(name: string): void {
    const state = this.#find(name)
    if (!state) return
    state.asked = true
    state.okAtMs = this.#clock.monotonicMs()
    state.lastOkAtMs = this.#clock.nowMs()
    state.lastError = undefined
    this.#tell()
  }

  noteFailure(name: string, error: string): void {
    const state = this.#find(name)
    if (!state) return
    state.asked = true
    state.lastError = error
    this.#tell()
  }

  /** 503 with Retry-After: the host goes on living, but calls try the others first for this long. */
  noteOverload(name: string, retryAfterMs: number): void {
    const state = this.#find(name)
    if (state) state.restsUntilMs = this.#clock.monotonicMs() + Math.min(retryAfterMs, maxRestMs)
  }

  health(): TrunkHealth {
    const hosts = this.#hosts.map((state) => ({
      name: state.host.name,
      up: this.#isUp(state),
      lastOkAtMs: state.lastOkAtMs,
      lastError: state.lastError,
    }))
    const up = hosts.filter((host) => host.up).length
    const state = hosts.length === 0 ? 'off' : up === hosts.length ? 'up' : up > 0 ? 'degraded' : 'down'
    return { name: 'teams', state, hosts }
  }

  /**
   * All hosts in the order of preference; those that are overloaded come later, those known to be down last: they are
   * tried when nothing else is left.
   */
  hostsByPreference(): TeamsHost[] {
    const nowMs = this.#clock.monotonicMs()
    const usable = this.#hosts.filter((state) => !state.asked || this.#isUp(state))
    const resting = usable.filter((state) => state.restsUntilMs > nowMs)
    const ready = usable.filter((state) => !resting.includes(state))
    const rest = this.#hosts.filter((state) => !usable.includes(state))
    return [...ready, ...resting, ...rest].map((state) => state.host)
  }

  #isUp(state: HostState): boolean {
    if (state.okAtMs === undefined) return false
    return this.#clock.monotonicMs() - state.okAtMs <= healthyIntervals * this.#intervalMs
  }

  #find(name: string): HostState | undefined {
    return this.#hosts.find((state) => state.host.name === name)
  }

  #tell(): void {
    const now = this.#summary()
    if (now === this.#told) return
    this.#told = now
    this.#onChange(this.health())
  }

  // Times of good answers change all the while; only what a person acts on is news.
  #summary(): string {
    const { state, hosts } = this.health()
    return JSON.stringify([state, hosts.map((host) => [host.name, host.up, host.lastError])])
  }
}
