import { createHash, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'

/** One message as text, with the little that a test asks of it. */
export interface WireMessage {
  text: string
  /** Method of a request; undefined for a response. */
  method: string | undefined
  /** Status of a response; 0 for a request. */
  status: number
  startLine: string
  header(name: string): string | undefined
  headers(name: string): string[]
  body: string
}

/**
 * A phone that is nothing but text over UDP, written apart from the SIP code of the box so that the two cannot
 * share a mistake. It says what the test tells it to and keeps what it hears; nothing is answered by itself.
 */
export class WirePhone {
  readonly username: string
  readonly password: string
  readonly heard: WireMessage[] = []
  readonly port: number
  userAgent: string | undefined = 'Wire phone'
  readonly #socket: Socket
  readonly #boxPort: number
  readonly #wake = new Set<() => void>()
  #nonceCount = 0

  private constructor(socket: Socket, account: { username: string; password: string }, boxPort: number) {
    this.#socket = socket
    this.port = socket.address().port
    this.username = account.username
    this.password = account.password
    this.#boxPort = boxPort
    socket.on('message', (bytes) => {
      this.heard.push(parse(bytes.toString('utf8')))
      for (const wake of [...this.#wake]) wake()
    })
  }

  static async open(
    t: { teardown(release: () => void): void },
    account: { username: string; password: string },
    boxPort: number,
  ): Promise<WirePhone> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(0, '127.0.0.1', resolve)
    })
    t.teardown(() => socket.close())
    return new WirePhone(socket, account, boxPort)
  }

  get contact(): string {
    return `sip:${this.username}@127.0.0.1:${this.port}`
  }

  send(lines: string[], body = ''): void {
    const text = [...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
    this.#socket.send(text, this.#boxPort, '127.0.0.1')
  }

  /** The first message after `from` that fits; fails with everything heard so far. */
  async waitFor(
    what: string,
    fits: (message: WireMessage) => boolean,
    from = 0,
    limitMs = 30_000,
  ): Promise<WireMessage> {
    const deadline = performance.now() + limitMs
    for (;;) {
      const found = this.heard.slice(from).find(fits)
      if (found) return found
      const restMs = deadline - performance.now()
      if (restMs <= 0) {
        const seen = this.heard.map((message) => message.startLine).join('\n  ')
        throw new Error(`${this.username}: no ${what} within ${limitMs} ms; heard:\n  ${seen}`)
      }
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          this.#wake.delete(done)
          resolve()
        }
        const timer = setTimeout(done, restMs).unref()
        this.#wake.add(done)
      })
    }
  }

  request(method: string, from = 0): Promise<WireMessage> {
    return this.waitFor(method, (message) => message.method === method, from)
  }

  /** Final response to the request with this CSeq in this call. */
  final(call: { callId: string }, cseq: number, method: string): Promise<WireMessage> {
    return this.waitFor(`final response to ${cseq} ${method}`, (message) => {
      return (
        message.status >= 200 &&
        message.header('Call-ID') === call.callId &&
        message.header('CSeq') === `${cseq} ${method}`
      )
    })
  }

  provisional(call: { callId: string }, status: number): Promise<WireMessage> {
    return this.waitFor(String(status), (message) => {
      return message.status === status && message.header('Call-ID') === call.callId
    })
  }

  /** Registers with digest; resolves with the final response. */
  async register(
    options: {
      contact?: string
      fields?: string[]
      /** Another line than this phone's own: an adapter has several behind one address. */
      username?: string
      password?: string
      callId?: string
      cseq?: number
    } = {},
  ): Promise<WireMessage> {
    const callId = options.callId ?? token()
    const cseq = options.cseq ?? 1
    const uri = 'sip:127.0.0.1'
    const account = { username: this.username, password: this.password, ...options }
    const contact = options.contact ?? `Contact: <${this.contact}>`
    const lines = (count: number): string[] => [
      `REGISTER ${uri} SIP/2.0`,
      this.#via(),
      `From: <sip:${account.username}@127.0.0.1>;tag=${token()}`,
      `To: <sip:${account.username}@127.0.0.1>`,
      `Call-ID: ${callId}`,
      `CSeq: ${count} REGISTER`,
      'Max-Forwards: 70',
      ...(this.userAgent === undefined ? [] : [`User-Agent: ${this.userAgent}`]),
      ...(contact === '' ? [] : [contact]),
      ...(options.fields ?? []),
    ]
    this.send(lines(cseq))
    const challenge = await this.final({ callId }, cseq, 'REGISTER')
    if (challenge.status !== 401) return challenge
    const authorization = this.answer(challenge, 'REGISTER', uri, account)
    this.send([...lines(cseq + 1), `Authorization: ${authorization}`])
    return this.final({ callId }, cseq + 1, 'REGISTER')
  }

  /** Digest credentials (MD5) for a challenge. */
  answer(
    challenge: WireMessage,
    method: string,
    uri: string,
    account: { username: string; password: string } = this,
  ): string {
    const field = challenge.status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const text = challenge.headers(field).find((value) => /algorithm=MD5/.test(value)) ?? ''
    const realm = /realm="([^"]*)"/.exec(text)?.[1] ?? ''
    const nonce = /nonce="([^"]*)"/.exec(text)?.[1] ?? ''
    const nc = (++this.#nonceCount).toString(16).padStart(8, '0')
    const secret = md5(`${account.username}:${realm}:${account.password}`)
    const response = md5(`${secret}:${nonce}:${nc}:c0ffee:auth:${md5(`${method}:${uri}`)}`)
    return (
      `Digest username="${account.username}", realm="${realm}", nonce="${nonce}", uri="${uri}", ` +
      `response="${response}", algorithm=MD5, qop=auth, nc=${nc}, cnonce="c0ffee"`
    )
  }

  /** Places a call up to and including the authenticated INVITE. */
  async call(
    target: string,
    options: { sdp?: string; fields?: string[]; contact?: boolean; maxForwards?: number } = {},
  ): Promise<WireCall> {
    const call = new WireCall(this, target, options)
    await call.invite()
    return call
  }

  /** Answers a request that was heard. */
  respond(
    request: WireMessage,
    status: number,
    options: { tag?: string; fields?: string[]; body?: string } = {},
  ): void {
    const to = request.header('To') ?? ''
    const tagged = status === 100 || /;tag=/.test(to) ? to : `${to};tag=${options.tag ?? 'phone'}`
    this.send(
      [
        `SIP/2.0 ${status} ${status < 300 ? 'OK' : 'No'}`,
        ...request.headers('Via').map((via) => `Via: ${via}`),
        `From: ${request.header('From') ?? ''}`,
        `To: ${tagged}`,
        `Call-ID: ${request.header('Call-ID') ?? ''}`,
        `CSeq: ${request.header('CSeq') ?? ''}`,
        `Contact: <${this.contact}>`,
        ...(options.fields ?? []),
        ...(options.body === undefined ? [] : ['Content-Type: application/sdp']),
      ],
      options.body ?? '',
    )
  }

  /** Sends a request in a dialog that this phone did not start: it was called. */
  requestBack(
    invite: WireMessage,
    method: string,
    cseq: number,
    options: { tag?: string; body?: string } = {},
  ): { callId: string } {
    const contact = /<([^>]+)>/.exec(invite.header('Contact') ?? '')?.[1] ?? ''
    this.send(
      [
        `${method} ${contact} SIP/2.0`,
        this.#via(),
        `From: ${invite.header('To') ?? ''};tag=${options.tag ?? 'phone'}`,
        `To: ${invite.header('From') ?? ''}`,
        `Call-ID: ${invite.header('Call-ID') ?? ''}`,
        `CSeq: ${cseq} ${method}`,
        'Max-Forwards: 70',
        `Contact: <${this.contact}>`,
        ...(options.body === undefined ? [] : ['Content-Type: application/sdp']),
      ],
      options.body ?? '',
    )
    return { callId: invite.header('Call-ID') ?? '' }
  }

  /** Acknowledges the 200 to an INVITE that was sent back in a dialog. */
  ackBack(invite: WireMessage, final: WireMessage): void {
    const contact = /<([^>]+)>/.exec(invite.header('Contact') ?? '')?.[1] ?? ''
    this.send([
      `ACK ${contact} SIP/2.0`,
      this.#via(),
      `From: ${final.header('From') ?? ''}`,
      `To: ${final.header('To') ?? ''}`,
      `Call-ID: ${final.header('Call-ID') ?? ''}`,
      `CSeq: ${(final.header('CSeq') ?? '').replace('INVITE', 'ACK')}`,
      'Max-Forwards: 70',
    ])
  }

  via(branch?: string): string {
    return this.#via(branch)
  }

  #via(branch = `z9hG4bK${token()}`): string {
    return `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch};rport`
  }
}

/** A call that a WirePhone placed. */
export class WireCall {
  readonly callId = token()
  readonly uri: string
  cseq = 0
  readonly #phone: WirePhone
  readonly #tag = token()
  readonly #sdp: string
  readonly #fields: string[]
  readonly #contact: boolean
  readonly #maxForwards: number
  #branch = ''
  #inviteCseq = 0
  #toTag = ''
  #remote = ''

  constructor(
    phone: WirePhone,
    target: string,
    options: { sdp?: string; fields?: string[]; contact?: boolean; maxForwards?: number },
  ) {
    this.#phone = phone
    this.uri = `sip:${target}@127.0.0.1`
    this.#sdp = options.sdp ?? plainSdp(4000)
    this.#fields = options.fields ?? []
    this.#contact = options.contact ?? true
    this.#maxForwards = options.maxForwards ?? 70
  }

  async invite(): Promise<void> {
    this.#sendInvite([])
    const challenge = await this.#phone.final(this, 1, 'INVITE')
    this.#ack(challenge, this.uri, this.#branch)
    if (challenge.status !== 407) return
    const credentials = this.#phone.answer(challenge, 'INVITE', this.uri)
    this.#sendInvite([`Proxy-Authorization: ${credentials}`])
  }

  /** The final response to the INVITE; a 200 is acknowledged, a refusal too. */
  async answered(): Promise<WireMessage> {
    const final = await this.#phone.final(this, this.#inviteCseq, 'INVITE')
    this.#toTag = /;tag=([^;\s]+)/.exec(final.header('To') ?? '')?.[1] ?? ''
    if (final.status < 300) {
      this.#remote = /<([^>]+)>/.exec(final.header('Contact') ?? '')?.[1] ?? ''
      this.#ack(final, this.#remote, `z9hG4bK${token()}`)
    } else this.#ack(final, this.uri, this.#branch)
    return final
  }

  /** PRACK for a reliable provisional response (RFC 3262). */
  async acknowledgeRinging(ringing: WireMessage): Promise<WireMessage> {
    const contact = /<([^>]+)>/.exec(ringing.header('Contact') ?? '')?.[1] ?? this.uri
    const toTag = /;tag=([^;\s]+)/.exec(ringing.header('To') ?? '')?.[1] ?? ''
    const invited = this.cseq++
    const lines = this.#lines('PRACK', contact, this.cseq, this.#phone.via(), toTag)
    this.#phone.send([...lines, `RAck: ${ringing.header('RSeq') ?? ''} ${invited} INVITE`])
    const final = await this.#phone.final(this, this.cseq, 'PRACK')
    return final
  }

  cancel(): void {
    this.#phone.send(this.#lines('CANCEL', this.uri, this.#inviteCseq, this.#phone.via(this.#branch), ''))
  }

  /** Sends a request inside the dialog and resolves with its final response. */
  async inDialog(
    method: string,
    body?: string,
    fields: string[] = [],
    answerInAck: (offer: string) => string = () => '',
  ): Promise<WireMessage> {
    this.cseq++
    const branch = `z9hG4bK${token()}`
    const lines = this.#lines(method, this.#remote, this.cseq, this.#phone.via(branch), this.#toTag)
    this.#phone.send([...lines, ...fields, ...(body === undefined ? [] : sdpType(fields))], body ?? '')
    const final = await this.#phone.final(this, this.cseq, method)
    if (method === 'INVITE') {
      this.#ack(
        final,
        final.status < 300 ? this.#remote : this.#remote,
        final.status < 300 ? `z9hG4bK${token()}` : branch,
        answerInAck(final.body),
      )
    }
    return final
  }

  #sendInvite(extra: string[]): void {
    this.cseq++
    this.#inviteCseq = this.cseq
    this.#branch = `z9hG4bK${token()}`
    const lines = this.#lines('INVITE', this.uri, this.cseq, this.#phone.via(this.#branch), '')
    const type = this.#sdp === '' ? [] : ['Content-Type: application/sdp']
    this.#phone.send([...lines, ...extra, ...this.#fields, ...type], this.#sdp)
  }

  #ack(final: WireMessage, uri: string, branch: string, body = ''): void {
    const cseq = Number(/^(\d+)/.exec(final.header('CSeq') ?? '')?.[1])
    const lines = this.#lines('ACK', uri, cseq, this.#phone.via(branch), '')
    const to = lines.findIndex((line) => line.startsWith('To:'))
    lines[to] = `To: ${final.header('To') ?? ''}`
    this.#phone.send([...lines, ...(body === '' ? [] : sdpType([]))], body)
  }

  #lines(method: string, uri: string, cseq: number, via: string, toTag: string): string[] {
    const { username, contact, userAgent } = this.#phone
    return [
      `${method} ${uri} SIP/2.0`,
      via,
      `From: <sip:${username}@127.0.0.1>;tag=${this.#tag}`,
      `To: <${this.uri}>${toTag === '' ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
      `Max-Forwards: ${this.#maxForwards}`,
      ...(this.#contact ? [`Contact: <${contact}>`] : []),
      ...(userAgent === undefined ? [] : [`User-Agent: ${userAgent}`]),
    ]
  }
}

/** A plain G.711 description on loopback. */
export function plainSdp(
  port: number,
  options: { direction?: string; version?: number; codecs?: string[] } = {},
): string {
  const codecs = options.codecs ?? ['8 PCMA/8000', '101 telephone-event/8000']
  return [
    'v=0',
    `o=phone ${port} ${options.version ?? 1} IN IP4 127.0.0.1`,
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP ${codecs.map((codec) => codec.split(' ')[0]).join(' ')}`,
    ...codecs.map((codec) => `a=rtpmap:${codec}`),
    `a=${options.direction ?? 'sendrecv'}`,
    '',
  ].join('\r\n')
}

function sdpType(fields: string[]): string[] {
  return fields.some((field) => /^content-type/i.test(field)) ? [] : ['Content-Type: application/sdp']
}

function token(): string {
  return randomBytes(8).toString('hex')
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

function parse(text: string): WireMessage {
  const split = text.indexOf('\r\n\r\n')
  const head = (split < 0 ? text : text.slice(0, split)).split('\r\n')
  const startLine = head[0] ?? ''
  const fields = head.slice(1).map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
  })
  const headers = (name: string): string[] =>
    fields.filter(([field]) => field === name.toLowerCase()).map(([, value]) => value)
  return {
    text,
    startLine,
    method: startLine.startsWith('SIP/') ? undefined : startLine.split(' ')[0],
    status: startLine.startsWith('SIP/') ? Number(startLine.split(' ')[1]) : 0,
    header: (name) => headers(name)[0],
    headers,
    body: split < 0 ? '' : text.slice(split + 4),
  }
}
