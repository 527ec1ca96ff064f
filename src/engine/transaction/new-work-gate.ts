import type { SipRequest } from '#src/sip/message.ts'
import type { Flow } from '../transport/transport-port.ts'

/** What stands before new transactions; satisfied by src/engine/guard. None of these may throw or wait. */
export interface NewWorkGate {
  /** Asked for each new request but ACK and retransmissions. False = it was answered or dropped there. */
  admits(request: SipRequest, flow: Flow, serverTransactions: number): boolean
  /** Asked for requests of ours outside dialogs. */
  admitsClient(clientTransactions: number): boolean
  /** Told the final status of every request that was admitted; 0 = it ended without one. */
  answered(request: SipRequest, flow: Flow, status: number): void
}
