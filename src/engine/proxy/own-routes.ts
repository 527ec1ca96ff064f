import { createHmac } from 'node:crypto'
import type { SipRequest } from '#src/sip/message.ts'
import { tagOf, uriOf } from '#src/sip/name-addr.ts'
import { localHostPort, transportParameter } from '../dialog/local-address.ts'
import { uriParameter } from '../dialog/header-values.ts'
import type { Flow, Target, TransportProtocol } from '../transport/transport-port.ts'

/** Which way a request with a Route of ours goes. `path`: toward a phone that registered through us (RFC 3327). */
export type Heading = 'toCallee' | 'toCaller' | 'path'

/** What one of our own Route values says. */
export interface OwnRoute {
  heading: Heading
  /** The flow that leads to the next hop (RFC 5626 5.2), when the URI alone may not. */
  flow: Target | undefined
}

const mark = ';proof='
const protocols: readonly string[] = ['udp', 'tcp', 'tls', 'ws', 'wss']

/**
 * The Record-Route and Path values that we write, and what we read from them when they come back as Route.
 *
 * Each carries a proof made with a key of this process from the Call-ID and the caller's tag, so that nobody can use
 * us as a relay to where he likes without a call that an application of ours has let through. The tag tells which
 * side a request comes from.
 */
export class OwnRoutes {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  /**
   * Record-Route values for a request that came over `arrival` and leaves over `out`, top first. Two when the sides
   * are known by different addresses (RFC 5658): each side sends to the one it can reach.
   */
  recordRoutes(request: SipRequest, arrival: Flow, out: Flow): string[] {
    const seed = `d|${request.headers.get('Call-ID') ?? ''}|${tagOf(request.headers.get('From') ?? '') ?? ''}`
    const secure = /^sips:/i.test(request.uri)
    const callerToken = needsToken(request, arrival) ? `u${tokenOf(arrival)}` : ''
    // A browser is reached over its own connection or not at all (RFC 7118 5).
    const calleeToken = out.protocol === 'ws' || out.protocol === 'wss' ? `d${tokenOf(out)}` : ''
    const one = calleeToken === '' && sameSide(arrival, out)
    const toCaller = this.#value(seed, callerToken, arrival, secure)
    return one ? [toCaller] : [this.#value(seed, calleeToken, out, secure), toCaller]
  }

  /** The Path value for a REGISTER (RFC 3327 5.2, RFC 5626 5.1). */
  path(arrival: Flow): string {
    return this.#value('p', `p${tokenOf(arrival)}`, arrival, false, ';ob')
  }

  /** What a Route value or Request-URI of ours means for this request; undefined when it is not ours. */
  read(value: string, request: SipRequest): OwnRoute | undefined {
    if (!value.includes(mark)) return undefined
    const uri = uriOf(value)
    if (uri === undefined) return undefined
    const proof = uriParameter(uri, 'proof')
    if (proof === undefined) return undefined
    const user = userOf(uri)
    const { headers } = request
    if (user.startsWith('p') && proof === this.#proof('p', user)) {
      return { heading: 'path', flow: flowOf(user) }
    }
    const callId = headers.get('Call-ID') ?? ''
    const from = tagOf(headers.get('From') ?? '') ?? ''
    const to = tagOf(headers.get('To') ?? '')
    if (proof === this.#proof(`d|${callId}|${from}`, user)) {
      return { heading: 'toCallee', flow: user.startsWith('d') ? flowOf(user) : undefined }
    }
    if (to !== undefined && proof === this.#proof(`d|${callId}|${to}`, user)) {
      return { heading: 'toCaller', flow: user.startsWith('u') ? flowOf(user) : undefined }
    }
    return undefined
  }

  /** A short keyed digest, for loop detection and branches too. */
  digest(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url').slice(0, 20)
  }

  #proof(seed: string, user: string): string {
    return this.digest(`${seed}|${user}`)
  }

  #value(seed: string, user: string, flow: Flow, secure: boolean, more = ''): string {
    const at = user === '' ? '' : `${user}@`
    const scheme = secure ? 'sips' : 'sip'
    const transport = secure ? '' : transportParameter(flow)
    return `<${scheme}:${at}${localHostPort(flow)}${transport};lr${more}${mark}${this.#proof(seed, user)}>`
  }
}

/** Whether a Route value or URI asks for loose routing (RFC 3261 16.12). */
export function isLoose(value: string): boolean {
  const uri = uriOf(value)
  return uri !== undefined && uriParameter(uri, 'lr') !== undefined
}

// A UA that speaks to us itself, over a connection or from behind NAT, is not reached by its Contact.
function needsToken(request: SipRequest, arrival: Flow): boolean {
  const { headers } = request
  if (headers.getAll('Via').length > 1) return false
  if (arrival.protocol !== 'udp') return true
  const contact = uriOf(headers.get('Contact') ?? '') ?? ''
  const host = contact.slice(contact.lastIndexOf('@') + 1).replace(/^sips?:/i, '')
  const bare = `${arrival.remoteHost}:${arrival.remotePort}`
  return host !== bare && !host.startsWith(`${bare};`)
}

function sameSide(first: Flow, second: Flow): boolean {
  return (
    first.protocol === second.protocol &&
    first.advertisedHost === second.advertisedHost &&
    first.advertisedPort === second.advertisedPort
  )
}

function tokenOf(flow: Flow): string {
  return Buffer.from(`${flow.protocol}|${flow.remoteHost}|${flow.remotePort}`).toString('base64url')
}

function flowOf(user: string): Target | undefined {
  const [protocol = '', host = '', port = ''] = Buffer.from(user.slice(1), 'base64url').toString().split('|')
  if (!protocols.includes(protocol) || host === '') return undefined
  return { protocol: protocol as TransportProtocol, host, port: Number(port), serverName: undefined }
}

function userOf(uri: string): string {
  const at = uri.indexOf('@')
  return at < 0 ? '' : uri.slice(uri.indexOf(':') + 1, at)
}
