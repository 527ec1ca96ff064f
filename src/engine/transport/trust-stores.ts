import type { X509Certificate } from 'node:crypto'
import type { TrustStore } from '../options.ts'
import { coversName, namesOf } from './certificate-names.ts'
import { judgeClient, readCertificates, type ClientFault } from './verify-client.ts'

/** What the client certificate of a connection came to. */
export type ClientVerdict =
  | { trusted: true; stores: readonly string[]; names: readonly string[] }
  | { trusted: false; fault: ClientFault }

/**
 * The roots of each trunk, kept apart: a certificate counts for the stores that its chain leads to, and proves only
 * the names that those stores are for. A carrier's own authority can so never speak for Teams.
 */
export class TrustStores {
  readonly #stores: { store: TrustStore; roots: X509Certificate[] }[]

  /** Throws when a root cannot be read. */
  constructor(stores: readonly TrustStore[]) {
    this.#stores = stores.map((store) => ({ store, roots: readCertificates(store.caPem) }))
  }

  /** Judges a leaf with the chain that came with it; the fault told is that of the store which came closest. */
  judge(leaf: X509Certificate, nowMs: number): ClientVerdict {
    const names = new Set<string>()
    const trustedBy: string[] = []
    let fault: ClientFault | undefined
    let proved: readonly string[] | undefined
    for (const { store, roots } of this.#stores) {
      const verdict = judgeClient(leaf, roots, store.acceptsServerAuthOnly, nowMs)
      if (verdict !== 'trusted') {
        if (fault === undefined || fault === 'unknown-authority') fault = verdict
        continue
      }
      proved ??= namesOf(leaf).dns
      trustedBy.push(store.name)
      for (const name of proved.flatMap((name) => namesFor(store, name))) names.add(name)
    }
    if (trustedBy.length > 0 && names.size === 0) return { trusted: false, fault: 'wrong-name' }
    if (trustedBy.length > 0) return { trusted: true, stores: trustedBy, names: [...names] }
    return { trusted: false, fault: fault ?? 'unknown-authority' }
  }
}

// A wildcard of the certificate is told as the names of the store that it covers, not as itself: it might cover
// another trunk's name too.
function namesFor(store: TrustStore, proved: string): string[] {
  if (store.names.includes('*') || store.names.some((name) => coversName(name, proved))) return [proved]
  return store.names.filter((name) => coversName(proved, name)).map((name) => name.toLowerCase())
}
