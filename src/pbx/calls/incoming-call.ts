import type { IncomingRequest, Reply } from '../sip-port.ts'
import type { Call } from './call-book.ts'
import type { Caller } from './identify-caller.ts'

/** An INVITE whose sender is known. */
export interface IncomingCall {
  call: Call
  caller: Caller
  request: IncomingRequest
  reply: Reply
  /** Aborted with a CancelReason when the caller gives up. */
  cancelled: AbortSignal
}
