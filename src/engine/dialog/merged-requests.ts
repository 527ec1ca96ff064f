import type { ServerTransaction } from '../transaction/server-transaction.ts'
import { tagOf } from '#src/sip/name-addr.ts'

/**
 * RFC 3261 8.2.2.2: a request that forked on its way reaches us twice, with the same From tag, Call-ID and CSeq
 * in two transactions; the second gets 482. Only while the first is open or was accepted: devices that repeat a
 * refused request with its old CSeq are common.
 */
export class MergedRequests {
  readonly #open = new Map<string, ServerTransaction>()
  #sweepAt = 1024

  /** False when the same request is being served already. */
  admit(transaction: ServerTransaction): boolean {
    const { headers } = transaction.request
    const key = `${headers.get('Call-ID') ?? ''} ${tagOf(headers.get('From') ?? '') ?? ''} ${headers.get('CSeq') ?? ''}`
    const before = this.#open.get(key)
    if (before && isOpen(before)) return false
    this.#open.set(key, transaction)
    if (this.#open.size > this.#sweepAt) this.#sweep()
    return true
  }

  // Entries are not removed one by one: a sweep over the dead, each time their number has doubled.
  #sweep(): void {
    for (const [key, transaction] of this.#open) if (!isOpen(transaction)) this.#open.delete(key)
    this.#sweepAt = Math.max(1024, this.#open.size * 2)
  }
}

function isOpen(transaction: ServerTransaction): boolean {
  if (transaction.state === 'terminated' || transaction.finalStatus >= 300) return false
  return transaction.finalStatus === 0 || transaction.request.method === 'INVITE'
}
