import { createSocket, type Socket } from 'node:dgram'
import type { Test } from 'tap'
import type { SipMessage, SipRequest, SipResponse } from '#src/sip/message.ts'
import { parseMessage } from '#src/sip/parse-message.ts'

/** A peer that says exactly the text a test gives it, over UDP on loopback. */
export class RawPeer {
  readonly port: number
  readonly #socket: Socket
  readonly #enginePort: number
  readonly #queue: SipMessage[] = []
  #waiting: { wants: (message: SipMessage) => boolean; resolve: (message: SipMessage) => void }[] = []
  /** Everything received, in order. */
  readonly received: SipMessage[] = []

  private constructor(socket: Socket, enginePort: number) {
    this.#socket = socket
    this.#enginePort = enginePort
    this.port = socket.address().port
    socket.on('message', (bytes) => this.#take(parseMessage(bytes)))
  }

  static async open(t: Test, enginePort: number): Promise<RawPeer> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    t.teardown(() => socket.close())
    return new RawPeer(socket, enginePort)
  }

  /** Sends lines joined by CRLF; Content-Length is added, the body comes last. */
  send(lines: readonly string[], body = ''): void {
    const type = body === '' ? [] : ['Content-Type: application/sdp']
    const text = [...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
    this.#socket.send(text, this.#enginePort, '127.0.0.1')
  }

  /** Sends lines with a body of any bytes; its type is among the lines. */
  sendBytes(lines: readonly string[], body: Buffer): void {
    const head = [...lines, `Content-Length: ${body.length}`, '', ''].join('\r\n')
    this.#socket.send(Buffer.concat([Buffer.from(head), body]), this.#enginePort, '127.0.0.1')
  }

  /** Header lines of a request of ours. */
  request(method: string, parts: RequestParts = {}): string[] {
    const branch = parts.branch ?? `z9hG4bK${Math.random().toString(36).slice(2)}`
    return [
      `${method} ${parts.uri ?? `sip:100@127.0.0.1:${this.#enginePort}`} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch}`,
      'Max-Forwards: 70',
      `From: <sip:peer@127.0.0.1>;tag=${parts.fromTag ?? 'peer-tag'}`,
      `To: <sip:100@127.0.0.1>${parts.toTag === undefined ? '' : `;tag=${parts.toTag}`}`,
      `Call-ID: ${parts.callId ?? 'call-1'}`,
      `CSeq: ${parts.sequence ?? 1} ${method}`,
      ...(parts.contact === null ? [] : [`Contact: ${parts.contact ?? `<sip:peer@127.0.0.1:${this.port}>`}`]),
      ...(parts.extra ?? []),
    ]
  }

  /** Header lines of our answer to a request. */
  answer(
    request: SipRequest,
    status: number,
    reason: string,
    toTag?: string,
    extra: string[] = [],
  ): string[] {
    const { headers } = request
    const to = headers.get('To') ?? ''
    return [
      `SIP/2.0 ${status} ${reason}`,
      ...headers.getAll('Via').map((via) => `Via: ${via}`),
      `From: ${headers.get('From') ?? ''}`,
      `To: ${to}${toTag === undefined || to.includes('tag=') ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${headers.get('Call-ID') ?? ''}`,
      `CSeq: ${headers.get('CSeq') ?? ''}`,
      ...(status > 100 && status < 300 ? [`Contact: <sip:peer@127.0.0.1:${this.port}>`] : []),
      ...extra,
    ]
  }

  /** The next message that `wants` accepts; earlier ones that nobody asked for are skipped. */
  next(wants: (message: SipMessage) => boolean = () => true): Promise<SipMessage> {
    for (let index = 0; index < this.#queue.length; index++) {
      const message = this.#queue[index] as SipMessage
      if (wants(message)) {
        this.#queue.splice(0, index + 1)
        return Promise.resolve(message)
      }
    }
    this.#queue.length = 0
    return new Promise((resolve) => this.#waiting.push({ wants, resolve }))
  }

  /** The next response; 100 only when it is asked for. */
  async nextResponse(status?: number): Promise<SipResponse> {
    const message = await this.next(
      (candidate) =>
        candidate.kind === 'response' &&
        (status === undefined ? candidate.status > 100 : candidate.status === status),
    )
    return message as SipResponse
  }

  async nextRequest(method: string): Promise<SipRequest> {
    return (await this.next(
      (candidate) => candidate.kind === 'request' && candidate.method === method,
    )) as SipRequest
  }

  #take(message: SipMessage): void {
    this.received.push(message)
    const at = this.#waiting.findIndex(({ wants }) => wants(message))
    if (at === -1) this.#queue.push(message)
    else this.#waiting.splice(at, 1)[0]?.resolve(message)
  }
}

export interface RequestParts {
  uri?: string
  branch?: string
  fromTag?: string
  toTag?: string | undefined
  callId?: string
  sequence?: number
  /** null: none. */
  contact?: string | null
  extra?: string[]
}

/** The tag of a To header. */
export function toTagOf(message: SipMessage): string {
  return /;tag=([^;>]+)/.exec(message.headers.get('To') ?? '')?.[1] ?? ''
}

export const sdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 8',
  'a=rtpmap:8 PCMA/8000',
  'a=sendrecv',
  '',
].join('\r\n')
