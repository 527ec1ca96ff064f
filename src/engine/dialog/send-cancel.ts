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
  const branch = invite.key.slice(0, invite.key.indexOf('|'))
  const cancel = transactions.createClient(request, invite.flow, unheard, branch)
  return { cancel, bytes: cancel.start() }
}

const unheard = { onResponse: (): void => undefined, onFailed: (): void => undefined }
