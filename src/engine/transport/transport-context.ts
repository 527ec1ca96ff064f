import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { EngineLimits } from '../options.ts'
import type { Counters } from './counters.ts'
import type { LocalAddresses } from './local-address.ts'
import type { Flow } from './transport-port.ts'

/** A flow as the transports see it: it can also be written to. */
export interface TransportFlow extends Flow {
  /**
   * Writes a whole message. `onError` is called later or never, not before this returns. For UDP, requests are
   * worth learning about refusals (ICMP).
   */
  write(bytes: Buffer, isRequest: boolean, onError: (error: Error) => void): void
}

/** Who is let in; satisfied by src/engine/guard. Asked for every datagram, so it neither waits nor throws. */
export interface Doorkeeper {
  /** False = drop it unread. */
  admits(host: string, datagram: Buffer): boolean
  admitsConnection(host: string): boolean
  /** The same for a message that came over a connection: false = close it. */
  admitsMessage(host: string, message: Buffer): boolean
  /** `proven`: the host has answered us, as the far end of a connection does. */
  noteMalformed(host: string, proven: boolean, head: Buffer): void
}

/** What every listener and connection needs from the layer around it. */
export interface TransportContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: EngineLimits
  readonly counters: Counters
  readonly localAddresses: LocalAddresses
  /** Undefined: everybody is let in. */
  readonly doorkeeper: Doorkeeper | undefined
  newFlowId(): number
  /** Hands one whole message up. */
  receive(bytes: Buffer, flow: TransportFlow): void
  /** Answers a message that was too large to be read whole, if `head` tells enough. */
  refuse(head: Buffer, status: number, reason: string, flow: TransportFlow): void
  flowClosed(flow: TransportFlow): void
}
