import type { SipMessage } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'

/**
 * Hears every message that the transports receive or send, malformed ones too. Called on the hot path: it must not
 * throw, must not keep `bytes` for long (they may be part of a larger buffer that lives on with them) and must not change
 * anything. `message` is what the bytes say, undefined for what could not be read.
 */
export interface MessageTap {
  received(bytes: Buffer, flow: Flow, message: SipMessage | undefined): void
  sent(bytes: Buffer, flow: Flow, message: SipMessage): void
}
