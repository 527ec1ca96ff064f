import type { SipHeaders, SipResponse } from '#src/sip/message.ts'

/** A final response of one branch. */
export interface Collected {
  response: SipResponse
  /** Made by ourselves: a timeout, a peer that cannot be reached. */
  local: boolean
}

// RFC 3261 16.7-6: these tell the caller what to change for another try.
const helpful = new Set([401, 407, 415, 420, 484])

/**
 * Chooses what goes back to the caller when no branch succeeded (RFC 3261 16.7-6): a 6xx above all, else the lowest
 * class; within a class what came from the network before what we made, and 503 last. Undefined of nothing.
 */
export function chooseBest(collected: readonly Collected[]): Collected | undefined {
  let best: Collected | undefined
  for (const one of collected) if (!best || rank(one) < rank(best)) best = one
  return best
}

function rank({ response: { status }, local }: Collected): number {
  if (status >= 600) return 0
  const group = Math.floor(status / 100) * 10
  if (status === 503) return group + 8
  if (local) return group + 6
  return helpful.has(status) ? group : group + 3
}

/**
 * The best response as it goes to the caller, its top Via still on it: a 401 or 407 carries the challenges of all
 * (RFC 3261 16.7-7), and a 503 becomes 500, because it speaks of a server that the caller does not know.
 */
export function finishBest(best: Collected, collected: readonly Collected[]): SipResponse {
  const { response } = best
  const headers = response.headers.clone()
  if (response.status === 401 || response.status === 407) {
    for (const other of collected) if (other !== best) addChallenges(headers, other.response)
  }
  if (response.status !== 503) return { ...response, headers }
  return { ...response, status: 500, reason: 'Server Internal Error', headers }
}

function addChallenges(headers: SipHeaders, other: SipResponse): void {
  if (other.status !== 401 && other.status !== 407) return
  for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
    for (const value of other.headers.getAll(name)) headers.append(name, value)
  }
}

/** The SIP URIs of a 3xx in the order of their `q`, highest first (RFC 3261 16.7-4, 20.10). */
export function contactsOf(
  response: SipResponse,
  read: (contact: string) => { uri: string; q: string | undefined } | undefined,
): string[] {
  const found: { uri: string; q: number }[] = []
  for (const value of response.headers.getAll('Contact')) {
    const contact = read(value)
    if (!contact || !/^sips?:/i.test(contact.uri)) continue
    const q = contact.q === undefined ? 1 : Number(contact.q)
    found.push({ uri: contact.uri, q: Number.isFinite(q) ? q : 0 })
  }
  return found.sort((first, second) => second.q - first.q).map(({ uri }) => uri)
}
