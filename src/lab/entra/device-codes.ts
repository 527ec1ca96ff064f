import { secondsToMs, type Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'

/** What the token endpoint says about a device code (RFC 8628 3.5, in Entra's words). */
export type PollResult =
  | { kind: 'approved'; personId: string; scope: string }
  | {
      kind:
        | 'authorization_pending'
        | 'slow_down'
        | 'authorization_declined'
        | 'expired_token'
        | 'bad_verification_code'
    }

/** A started flow, as the device authorization endpoint tells it. */
export interface IssuedCode {
  deviceCode: string
  userCode: string
  expiresInMs: number
  intervalMs: number
}

/** What the person at the browser did. */
export type Verdict = { kind: 'approve'; personId: string } | { kind: 'decline' }

/** Device codes of the lab: a bounded table, in memory (a restart forgets the flows that wait). */
export interface DeviceCodes {
  /** Undefined when the table is full of flows that still wait. */
  issue(clientId: string, scope: string): IssuedCode | undefined
  poll(deviceCode: string, clientId: string): PollResult
  /** Whether somebody can still decide about this code, however it was typed. */
  isWaiting(userCode: string): boolean
  /** False when the code is unknown, expired or already decided. */
  decide(userCode: string, verdict: Verdict): boolean
}

interface Flow {
  userCode: string
  clientId: string
  scope: string
  expiresAtMs: number
  intervalMs: number
  polledAtMs: number | undefined
  verdict: Verdict | undefined
}

const maxFlows = 1000
// 32 characters: five bits of a byte choose one evenly. No 0 O 1 I, which people mix up.
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const userCodeLength = 9
/** RFC 8628 3.5: slow_down lengthens the interval for this and all later polls. */
const slowDownMs = secondsToMs(5)
// The network may bring two polls closer together than the client sent them.
const earlyTolerance = 0.8

/** Opens an empty table. */
export function createDeviceCodes(options: {
  clock: Clock
  random: Random
  lifetimeMs: number
  intervalMs: number
}): DeviceCodes {
  const { clock, random, lifetimeMs, intervalMs } = options
  const flows = new Map<string, Flow>()

  const sweep = (): void => {
    // An expired flow stays known as long again, so that its poller hears expired_token.
    for (const [deviceCode, flow] of flows) {
      if (flow.expiresAtMs + lifetimeMs <= clock.nowMs()) flows.delete(deviceCode)
    }
    if (flows.size < maxFlows) return
    for (const [deviceCode, flow] of flows) {
      if (flow.expiresAtMs <= clock.nowMs() || flow.verdict) flows.delete(deviceCode)
    }
  }

  const waiting = (typed: string): Flow | undefined => {
    const userCode = typed.toUpperCase().replace(/[^A-Z0-9]/g, '')
    for (const flow of flows.values()) {
      if (flow.userCode === userCode && !flow.verdict && flow.expiresAtMs > clock.nowMs()) return flow
    }
    return undefined
  }

  const newUserCode = (): string => {
    for (;;) {
      const bytes = random.bytes(userCodeLength)
      const userCode = Array.from(bytes, (byte) => alphabet[byte & 31]).join('')
      if (!waiting(userCode)) return userCode
    }
  }

  return {
    issue(clientId, scope) {
      sweep()
      if (flows.size >= maxFlows) return undefined
      const deviceCode = random.token(64)
      const userCode = newUserCode()
      flows.set(deviceCode, {
        userCode,
        clientId,
        scope,
        intervalMs,
        expiresAtMs: clock.nowMs() + lifetimeMs,
        polledAtMs: undefined,
        verdict: undefined,
      })
      return { deviceCode, userCode, expiresInMs: lifetimeMs, intervalMs }
    },

    poll(deviceCode, clientId) {
      const flow = flows.get(deviceCode)
      if (!flow || flow.clientId !== clientId) return { kind: 'bad_verification_code' }
      const nowMs = clock.nowMs()
      if (flow.expiresAtMs <= nowMs) return { kind: 'expired_token' }
      if (flow.verdict?.kind === 'decline') return { kind: 'authorization_declined' }
      if (flow.verdict) {
        // RFC 6749 10.5 in spirit: a code buys tokens once.
        flows.delete(deviceCode)
        return { kind: 'approved', personId: flow.verdict.personId, scope: flow.scope }
      }
      const tooSoon =
        flow.polledAtMs !== undefined && nowMs - flow.polledAtMs < flow.intervalMs * earlyTolerance
      flow.polledAtMs = nowMs
      if (!tooSoon) return { kind: 'authorization_pending' }
      flow.intervalMs += slowDownMs
      return { kind: 'slow_down' }
    },

    isWaiting: (userCode) => waiting(userCode) !== undefined,

    decide(userCode, verdict) {
      const flow = waiting(userCode)
      if (!flow) return false
      flow.verdict = verdict
      return true
    },
  }
}
