import { errorText } from '#src/base/errors.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { SipHeaders, type SipMessage, type SipRequest } from '#src/sip/message.ts'
import { withTag, tagOf } from '#src/sip/name-addr.ts'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'
import { withReceived } from '#src/sip/via.ts'
import type { EngineLimits } from '../options.ts'
import type { MessageTap } from '../trace/message-tap.ts'
import type { Counters } from './counters.ts'
import type { Doorkeeper, TransportFlow } from './transport-context.ts'
import type { TransportUser } from './transport-port.ts'

/** A request for a multicast group (RFC 5771): 224.0.0.0 to 239.255.255.255 as the host of its Request-URI. */
const groupUri = /^sips?:(?:[^@]*@)?2(?:2[4-9]|3\d)\.\d+\.\d+\.\d+(?=[:;?]|$)/i

const ignoreError = (): void => undefined

/**
 * The way of a message from bytes to the transport user: parsed, its top Via completed, or answered with a 4xx
 * right here when it cannot be used. Nothing that arrives makes this throw.
 */
export class Intake {
  readonly #limits: EngineLimits
  readonly #counters: Counters
  readonly #random: Random
  readonly #logger: Logger
  readonly #onVia: (via: string, flow: TransportFlow) => void
  readonly #tap: MessageTap | undefined
  readonly #doorkeeper: Doorkeeper | undefined
  user: TransportUser | undefined

  constructor(parts: {
    limits: EngineLimits
    counters: Counters
    random: Random
    logger: Logger
    /** Hears the top Via of every request before received and rport are added. */
    onVia: (via: string, flow: TransportFlow) => void
    tap?: MessageTap | undefined
    doorkeeper?: Doorkeeper | undefined
  }) {
    this.#limits = parts.limits
    this.#counters = parts.counters
    this.#random = parts.random
    this.#logger = parts.logger
    this.#onVia = parts.onVia
    this.#tap = parts.tap
    this.#doorkeeper = parts.doorkeeper
  }

  receive(bytes: Buffer, flow: TransportFlow): void {
    this.#counters.bytesReceived += bytes.length
    if (bytes.length > this.#limits.maxMessageBytes) {
      this.refuse(bytes, 513, 'Message Too Large', flow)
      return
    }
    let message: SipMessage
    try {
      message = parseMessage(bytes, this.#limits)
    } catch (error) {
      this.#onMalformed(error, bytes, flow)
      return
    }
    this.#counters.messagesReceived++
    if (this.#tap !== undefined) this.#tap.received(bytes, flow, message)
    try {
      this.#deliver(message, flow, bytes.length)
    } catch (error) {
      // The user must not throw; if it does, one message is lost and not the process.
      this.#counters.userFailures++
      this.#logger.error({ err: error, peer: peerOf(flow) }, 'handling a SIP message failed')
    }
  }

  /** Answers what is too large to be read whole, when its head can be read. */
  refuse(head: Buffer, status: number, reason: string, flow: TransportFlow): void {
    if (this.#tap !== undefined) this.#tap.received(head, flow, undefined)
    if (status === 513) this.#counters.oversizedMessages++
    else this.#counters.malformedRequests++
    this.#noteMalformed(head, flow)
    this.#logger.debug({ peer: peerOf(flow), status, reason, bytes: head.length }, 'SIP message refused')
    let request: SipRequest | undefined
    try {
      const message = parseMessage(head, this.#limits)
      if (message.kind === 'request') request = message
    } catch (error) {
      if (error instanceof SipParseError) request = error.partial
    }
    if (request) this.#answer(request, status, reason, flow)
  }

  #deliver(message: SipMessage, flow: TransportFlow, size: number): void {
    const flat = message.headers.flat
    let viaAt = -1
    let forged = false
    for (let index = 0; index < flat.length; index += 2) {
      const name = flat[index]
      if (viaAt < 0 && name === 'Via') viaAt = index + 1
      else if (name === peerNamesHeader) forged = true
    }
    if (forged) {
      // Only we may say whose certificate was verified.
      this.#counters.forgedPeerNames++
      message.headers.remove(peerNamesHeader)
      viaAt = flat.indexOf('Via') + 1
    }
    if (message.kind === 'response') {
      this.user?.onResponse(message, flow, size)
      return
    }
    if (flow.protocol === 'udp' && groupUri.test(message.uri)) {
      // The kernel shows what is sent to a group to every socket on the port, once anybody on this machine has joined
      // it. It was meant for the group's own server; a refusal from here would race with its answer.
      this.#counters.multicastRequests++
      return
    }
    const via = flat[viaAt] as string
    const completed = withReceived(via, flow.remoteHost, flow.remotePort)
    if (completed === undefined) {
      this.#counters.malformedRequests++
      this.#logger.debug({ peer: peerOf(flow) }, 'SIP request without a usable Via dropped')
      return
    }
    flat[viaAt] = completed
    this.#onVia(via, flow)
    this.user?.onRequest(message, flow, size)
  }

  #onMalformed(error: unknown, bytes: Buffer, flow: TransportFlow): void {
    if (this.#tap !== undefined) this.#tap.received(bytes, flow, undefined)
    const isResponse = bytes.toString('latin1', 0, 4) === 'SIP/'
    if (error instanceof SipParseError && error.status === 513) this.#counters.oversizedMessages++
    else if (isResponse) this.#counters.malformedResponses++
    else this.#counters.malformedRequests++
    this.#noteMalformed(bytes, flow)
    this.#logger.debug({ peer: peerOf(flow), reason: errorText(error) }, 'malformed SIP message')
    if (error instanceof SipParseError && error.partial) {
      this.#answer(error.partial, error.status, error.reason, flow)
    }
  }

  #noteMalformed(head: Buffer, flow: TransportFlow): void {
    this.#doorkeeper?.noteMalformed(flow.remoteHost, flow.protocol !== 'udp', head)
  }

  // RFC 3261 8.2.6: no state is kept; a retransmission is judged again. An ACK is never answered.
  #answer(request: SipRequest, status: number, reason: string, flow: TransportFlow): void {
    if (request.method === 'ACK') return
    const headers = new SipHeaders()
    const vias = request.headers.getAll('Via')
    const top = vias[0] === undefined ? undefined : withReceived(vias[0], flow.remoteHost, flow.remotePort)
    if (top === undefined) return
    headers.append('Via', top)
    for (const via of vias.slice(1)) headers.append('Via', via)
    for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
      const value = request.headers.get(name)
      if (value === undefined) return
      const needsTag = name === 'To' && tagOf(value) === undefined
      headers.append(name, needsTag ? withTag(value, this.#random.token(10)) : value)
    }
    const answer: SipMessage = { kind: 'response', status, reason, headers, body: Buffer.alloc(0) }
    const bytes = formatMessage(answer)
    this.#counters.malformedAnswered++
    this.#counters.messagesSent++
    this.#counters.bytesSent += bytes.length
    flow.write(bytes, false, ignoreError)
    if (this.#tap !== undefined) this.#tap.sent(bytes, flow, answer)
  }
}

function peerOf(flow: TransportFlow): string {
  return `${flow.protocol}:${formatEndpoint(flow.remoteHost, flow.remotePort)}`
}
