import { branchOf } from '#src/sip/via.ts'
import type { ClientTransaction } from '../transaction/client-transaction.ts'
import type { TransactionLayer } from '../transaction/transaction-layer.ts'
import { composeCancel } from './compose-request.ts'

/**
 * Sends the CANCEL of an INVITE that has had a provisional response (RFC 3261 9.1): over the same flow, with the same
 * branch. Its own answer matters to nobody.
 */
export function sendCancel(
  transactions: TransactionLayer,
  invite: ClientTransaction,
  reasons: readonly string[],
): { cancel: ClientTransaction; bytes: number } {
  const request = composeCancel(invite.request, reasons)
  // As it was sent: some servers compare it letter by letter.
  const branch = branchOf(invite.request.headers.get('Via') ?? '')
  const cancel = transactions.createClient(request, invite.flow, unheard, branch)
  return { cancel, bytes: cancel.start() }
}

const unheard = { onResponse: (): void => undefined, onFailed: (): void => undefined }
