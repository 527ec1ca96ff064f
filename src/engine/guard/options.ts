import { knownScanners } from './scanners.ts'

/** What an address can do to be shut out. */
export type EvidenceKind = 'flood' | 'scanner' | 'nobody' | 'malformed' | 'password'

/** When evidence of one kind is enough. It is a bucket: it leaks empty within its window, full means shut out. */
export interface EvidenceRule {
  /** Weight of a piece about something new: another line, another dialled number. */
  weight: number
  /** Weight of a piece about what was tried before: a phone that repeats itself is no guesser. */
  repeatWeight: number
  threshold: number
  windowMs: number
}

/** What the guard judges by. `defaultGuard` has the values of the box. */
export interface GuardOptions {
  /** Messages per second that one address may send in the long run; also how fast its bucket leaks. */
  floodPerSecond: number
  /** Messages that one address may send at once on top of that: an office behind one address after a power cut. */
  floodBurst: number
  /** Parts of User-Agent values by which scanners give themselves away, any case. */
  scannerAgents: readonly string[]
  rules: Record<Exclude<EvidenceKind, 'flood'>, EvidenceRule>
  /** How long the first, second … time is; the last for all that follow. */
  banMs: readonly number[]
  /** After this long without a ban the next one is a first one again. */
  forgetMs: number
  /** Addresses with evidence and addresses shut out, at most this many each. */
  maxSources: number
  /** Addresses and prefixes (CIDR) that are never shut out; `Guard.allow` replaces them while running. */
  allow: readonly string[]
  /** True: whoever speaks from this machine itself is never shut out. */
  exemptLoopback: boolean
  /** Dialled prefixes behind which a secret stands (`*55*`): it is masked where a message is shown. */
  secretCodes: readonly string[]
}

/** Values for an office: see README.md for why. */
export const defaultGuard: GuardOptions = {
  floodPerSecond: 200,
  floodBurst: 2000,
  scannerAgents: knownScanners,
  rules: {
    scanner: { weight: 1, repeatWeight: 1, threshold: 3, windowMs: 60_000 },
    nobody: { weight: 1, repeatWeight: 0.2, threshold: 20, windowMs: 120_000 },
    malformed: { weight: 1, repeatWeight: 1, threshold: 30, windowMs: 60_000 },
    password: { weight: 3, repeatWeight: 1, threshold: 40, windowMs: 300_000 },
  },
  banMs: [600_000, 3_600_000, 86_400_000],
  forgetMs: 86_400_000,
  maxSources: 10_000,
  allow: [],
  exemptLoopback: true,
  secretCodes: [],
}

/** When new work is refused. `defaultOverload` has the values of the box. */
export interface OverloadOptions {
  /** Share of the time in which the event loop may be busy, 0..1: above it new calls are thinned out. */
  busyLimit: number
  /** The same for registrations: they come back by themselves, callers do not. */
  registerBusyLimit: number
  /** Event-loop delay above which both are thinned out, ms. */
  delayLimitMs: number
  /** With fewer new requests per second than this it is not they that load the box, and none is refused. */
  floorPerSecond: number
  /** Load must last this long to count, and must be gone this long to be over, ms. */
  beginAfterMs: number
  endAfterMs: number
  /** Registrations that wait for their answer; more are sent away for a while. */
  maxRegistersInProgress: number
  maxServerTransactions: number
  maxClientTransactions: number
  maxDialogs: number
  /** Seconds within which those refused are told to come back, spread evenly (RFC 3261 21.5.4). */
  callRetryAfterS: readonly [number, number]
  registerRetryAfterS: readonly [number, number]
  /** True for the Request-URI of an INVITE that is always taken. */
  isEmergency: (requestUri: string) => boolean
  /** Overrides the measurement of the event loop since the last call; for tests. */
  measure?: () => { busy: number; delayMs: number }
}

/** Values for an office: see README.md for why. */
export const defaultOverload: OverloadOptions = {
  busyLimit: 0.95,
  registerBusyLimit: 0.85,
  delayLimitMs: 200,
  floorPerSecond: 40,
  beginAfterMs: 400,
  endAfterMs: 3_000,
  maxRegistersInProgress: 2000,
  maxServerTransactions: 60_000,
  maxClientTransactions: 20_000,
  maxDialogs: 20_000,
  callRetryAfterS: [2, 10],
  registerRetryAfterS: [4, 40],
  isEmergency: () => false,
}
