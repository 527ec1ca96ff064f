import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { SipMessage } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'
import { HomerExport, type HomerTarget } from './homer-export.ts'
import { maskMessage, type Reveal } from './mask-message.ts'
import type { MessageTap } from './message-tap.ts'
import { MessageTrace, type TraceLimits } from './message-trace.ts'
import type { TracedLeg, TracedParty } from './traced-leg.ts'
import type { TracedMessage } from './traced-message.ts'

export type { HomerTarget, Reveal, TracedLeg, TracedMessage, TracedParty, TraceLimits }

/** What is kept and where copies go; every part may change while the box runs. */
export interface SignallingSettings {
  limits: TraceLimits
  /** Undefined = nothing is sent. */
  homer: HomerTarget | undefined
}

/** By what the messages of a device are known. */
export interface DeviceFlows {
  /** Where it is registered from. */
  peers: readonly { host: string; port: number }[]
  /** User parts of its addresses of record. */
  users: readonly string[]
}

/**
 * Everything that looks at messages: the memory of recent ones and the copies for Homer. What is read here is masked;
 * the bytes as they were never leave this folder but by the admin's own word.
 */
export class Signalling implements MessageTap {
  readonly #trace: MessageTrace
  readonly #homer: HomerExport
  readonly #secretCodes: readonly string[]

  /** `secretCodes`: dialled prefixes behind which a secret stands (`*55*`). Nothing runs before `start`. */
  constructor(parts: { clock: Clock; logger: Logger; secretCodes: readonly string[] }) {
    this.#trace = new MessageTrace(parts.clock, { maxBytes: 0, maxAgeMs: 0 })
    this.#homer = new HomerExport(parts)
    this.#secretCodes = parts.secretCodes
  }

  start(settings: SignallingSettings): void {
    this.#trace.start()
    this.change(settings)
  }

  /** New settings hold at once. */
  change({ limits, homer }: SignallingSettings): void {
    this.#trace.setLimits(limits)
    this.#homer.setTarget(homer)
  }

  stop(): void {
    this.#homer.stop()
    this.#trace.stop()
  }

  received(bytes: Buffer, flow: Flow, message: SipMessage | undefined): void {
    this.#trace.received(bytes, flow, message)
    if (this.#homer.on) this.#homer.take(bytes, false, flow)
  }

  sent(bytes: Buffer, flow: Flow, message: SipMessage): void {
    this.#trace.sent(bytes, flow, message)
    if (this.#homer.on) this.#homer.take(bytes, true, flow)
  }

  /** Says that this Call-ID is a leg of the call, with this party at its far end. */
  join(callId: string, sipCallId: string, party: TracedParty): void {
    this.#trace.join(callId, sipCallId, party)
  }

  /** Says that the call is over. */
  ended(callId: string): void {
    this.#trace.ended(callId)
  }

  /** The legs of a call, masked; undefined when nothing of it is kept. */
  ofCall(callId: string, reveal: Reveal = {}): TracedLeg[] | undefined {
    return this.#trace
      .ofCall(callId)
      ?.map((leg) => ({ ...leg, messages: leg.messages.map((message) => this.#masked(message, reveal)) }))
  }

  /** The latest messages outside calls, oldest first, masked: of everybody, or of one device. */
  outside(limit: number, of?: DeviceFlows): TracedMessage[] {
    const messages = this.#trace.outside()
    const wanted = of ? messages.filter((message) => isOf(message, of)) : messages
    return wanted.slice(-limit).map((message) => this.#masked(message, {}))
  }

  /** Why copies do not reach Homer; undefined when they do, or none are sent. */
  get homerProblem(): string | undefined {
    return this.#homer.problem
  }

  counters(): Record<string, number> {
    return { ...this.#trace.counters(), ...this.#homer.counters() }
  }

  #masked(message: TracedMessage, reveal: Reveal): TracedMessage {
    return { ...message, bytes: maskMessage(message.bytes, this.#secretCodes, reveal) }
  }
}

function isOf({ flow, bytes }: TracedMessage, { peers, users }: DeviceFlows): boolean {
  if (peers.some(({ host, port }) => host === flow.remoteHost && port === flow.remotePort)) return true
  return users.some((user) => bytes.includes(`:${user}@`))
}
