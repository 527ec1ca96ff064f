import { formatNameAddr, parseNameAddr } from '#src/sip/name-addr.ts'
import { splitList } from '#src/sip/params.ts'
import { parseUri } from '#src/sip/uri.ts'
import type { IncomingRequest } from '../sip-port.ts'

/** A registration passes an edge proxy or two; every request to the phone carries the whole list. */
const maxHops = 8
const maxPathText = 2048

const none: readonly string[] = []

/**
 * Reads the Path of a REGISTER: route values, the proxy nearest to us first (RFC 3327 4). A text says what is wrong
 * with it.
 */
export function readPath(value: string | undefined): readonly string[] | string {
  if (value === undefined) return none
  const list = value.length > maxPathText || /\p{Cc}/u.test(value) ? undefined : splitList(value)
  if (!list || list.length > maxHops) return 'Bad Path'
  const path: string[] = []
  for (const text of list) {
    const hop = parseNameAddr(text)
    const uri = hop && parseUri(hop.uri)
    if (!hop || !uri || uri.scheme === 'tel' || uri.host === '') return 'Bad Path'
    path.push(formatNameAddr({ uri: hop.uri, params: hop.params }))
  }
  return path
}

/**
 * RFC 5626 6: true when the phone did not reach us directly and the proxy that it did reach, whose Path value stands
 * last, has no `ob`: it would not keep the flow that the reg-id stands for.
 */
export function firstHopLacksOutbound(request: IncomingRequest, path: readonly string[]): boolean {
  if ((splitList(request.get('Via') ?? '')?.length ?? 0) < 2) return false
  const hop = parseNameAddr(path.at(-1) ?? '')
  return !hop || parseUri(hop.uri)?.params.has('ob') !== true
}
