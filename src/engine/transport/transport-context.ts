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

/** What every listener and connection needs from the layer around it. */
export interface TransportContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: EngineLimits
  readonly counters: Counters
  readonly localAddresses: LocalAddresses
  newFlowId(): number
  /** Hands one whole message up. */
  receive(bytes: Buffer, flow: TransportFlow): void
  /** Answers a message that was too large to be read whole, if `head` tells enough. */
  refuse(head: Buffer, status: number, reason: string, flow: TransportFlow): void
  flowClosed(flow: TransportFlow): void
}
