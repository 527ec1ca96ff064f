import { ChurningMap } from '#src/base/churning-map.ts'
import type { ServerTransaction } from '../transaction/server-transaction.ts'
import { tagOf } from '#src/sip/name-addr.ts'

/**
 * RFC 3261 8.2.2.2: a request that forked on its way reaches us twice, with the same From tag, Call-ID and CSeq
 * in two transactions; the second gets 482. Only while the first is open or was accepted: devices that repeat a
 * refused request with its old CSeq are common.
 */
export class MergedRequests {
  readonly #open = new ChurningMap<string, ServerTransaction>()

  /** How many requests are remembered. */
  get size(): number {
    return this.#open.size
  }

  /** The key to remember a request by; undefined when the same one is being served already. */
  admit(transaction: ServerTransaction): string | undefined {
    const { headers } = transaction.request
    const key = `${headers.get('Call-ID') ?? ''} ${tagOf(headers.get('From') ?? '') ?? ''} ${headers.get('CSeq') ?? ''}`
    const before = this.#open.get(key)
    // A request whose application was lost is looked at anew.
    if (!before || before === transaction || !isOpen(before)) return key
    // Only a UAS takes a second copy for a mistake; a proxy may meet the same request twice.
    return before.user?.forwards === true ? key : undefined
  }

  /** Remembers a request that was admitted, unless it has been answered meanwhile: most REGISTERs are, at once. */
  remember(key: string, transaction: ServerTransaction): void {
    if (!isOpen(transaction)) return
    this.#open.set(key, transaction)
    this.#forgetOldest()
  }

  // Two of the oldest are looked at for each new one, so a flood leaves no mountain of the dead behind it: those that
  // are over go, those that are not go to the back.
  #forgetOldest(): void {
    let looked = 0
    for (const [key, transaction] of this.#open) {
      if (looked++ === 2) return
      this.#open.delete(key)
      if (isOpen(transaction)) this.#open.set(key, transaction)
    }
  }
}

function isOpen(transaction: ServerTransaction): boolean {
  if (transaction.state === 'terminated' || transaction.finalStatus >= 300) return false
  return transaction.finalStatus === 0 || transaction.request.method === 'INVITE'
}
