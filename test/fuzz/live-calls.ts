import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Dice } from './dice.ts'

const host = '127.0.0.1'
/** Dialogs remembered to send into; the oldest is forgotten. */
const maxDialogs = 30

const sdp = (port: number): string =>
  `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n`

const inDialogMethods = [
  'BYE',
  'INVITE',
  'UPDATE',
  'INFO',
  'PRACK',
  'REFER',
  'NOTIFY',
  'MESSAGE',
  'ACK',
  'CANCEL',
  'OPTIONS',
  'SUBSCRIBE',
] as const
const statuses = [
  100, 180, 183, 199, 200, 200, 202, 302, 401, 404, 407, 408, 422, 480, 481, 486, 487, 491, 500, 503, 603,
]

/** A dialog that the engine knows, seen from our end. */
interface Known {
  callId: string
  ourTag: string
  theirTag: string
  target: string
  sequence: number
  /** Top Via of a request of the engine's, for answers that come out of nowhere. */
  via: string | undefined
  cseq: string
}

function field(text: string, name: string): string {
  return new RegExp(`^${name}\\s*:\\s*([^\\r\\n]*)`, 'im').exec(text)?.[1]?.trim() ?? ''
}

function tag(value: string): string {
  return /;\s*tag=([^;>\s]+)/i.exec(value)?.[1] ?? ''
}

/**
 * Both phones of real calls through the B2BUA: places them, answers them, and knows the tags, so that requests and
 * responses can be made that reach live dialogs and live transactions.
 */
export class LiveCalls {
  /** Where the application sends the second leg. */
  readonly port: number
  answered = 0
  readonly #socket: Socket
  readonly #dice: Dice
  readonly #dialogs: Known[] = []
  #enginePort = 0
  #count = 0

  private constructor(socket: Socket, dice: Dice) {
    this.#socket = socket
    this.#dice = dice
    this.port = socket.address().port
    socket.on('message', (bytes, from) => this.#onMessage(bytes.toString('latin1'), from))
    socket.on('error', () => undefined)
  }

  static async open(dice: Dice): Promise<LiveCalls> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, host, resolve))
    return new LiveCalls(socket, dice)
  }

  /** The engine, once it runs. */
  begin(enginePort: number): void {
    this.#enginePort = enginePort
  }

  close(): void {
    this.#socket.close()
  }

  /** Places a call. */
  call(): void {
    this.#count++
    const body = sdp(4000)
    this.#send(
      [
        `INVITE sip:live@${host}:${this.#enginePort} SIP/2.0`,
        `Via: SIP/2.0/UDP ${host}:${this.port};branch=z9hG4bKlive${this.#count}x${this.#dice.below(1e6)};rport`,
        'Max-Forwards: 70',
        `From: <sip:fuzz@${host}>;tag=l${this.#count}`,
        `To: <sip:live@${host}>`,
        `Call-ID: live-${this.#count}-${this.#dice.below(1e6)}`,
        'CSeq: 1 INVITE',
        `Contact: <sip:fuzz@${host}:${this.port}>`,
        `Supported: ${this.#dice.pick(['100rel, timer', 'replaces', ''])}`,
        'Content-Type: application/sdp',
      ],
      body,
    )
  }

  /** A request in a dialog that lives, or lived a moment ago; undefined when there is none. */
  request(): Buffer | undefined {
    const dice = this.#dice
    const known = this.#dialogs.length > 0 ? dice.pick(this.#dialogs) : undefined
    if (!known) return undefined
    const method = dice.pick(inDialogMethods)
    known.sequence += dice.pick([0, 1, 1, 1, 2])
    const body = method === 'INVITE' || method === 'UPDATE' ? sdp(4002) : ''
    return Buffer.from(
      [
        `${method} ${known.target} SIP/2.0`,
        `Via: SIP/2.0/UDP ${host}:${this.port};branch=z9hG4bKin${dice.below(1e9)};rport`,
        'Max-Forwards: 70',
        `From: <sip:fuzz@${host}>;tag=${known.ourTag}`,
        `To: <sip:live@${host}>;tag=${known.theirTag}`,
        `Call-ID: ${known.callId}`,
        `CSeq: ${known.sequence} ${method}`,
        `Contact: <sip:fuzz@${host}:${this.port}>`,
        `RAck: ${dice.below(3)} ${known.sequence} INVITE`,
        'Event: refer',
        'Subscription-State: active',
        `Refer-To: <sip:live@${host}:${this.#enginePort}>`,
        ...(body === '' ? [] : ['Content-Type: application/sdp']),
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
      'latin1',
    )
  }

  /** A response to a request that the engine sent a moment ago, perhaps the tenth one. */
  response(): Buffer | undefined {
    const dice = this.#dice
    const known = dice.pick(this.#dialogs.filter((one) => one.via !== undefined))
    if (known?.via === undefined) return undefined
    const body = dice.chance(0.3) ? sdp(4004) : ''
    return Buffer.from(
      [
        `SIP/2.0 ${dice.pick(statuses)} Whatever`,
        `Via: ${known.via}`,
        `From: <sip:leg@${host}>;tag=${known.theirTag}`,
        `To: <sip:fuzz@${host}>;tag=${dice.chance(0.7) ? known.ourTag : `fork${dice.below(9)}`}`,
        `Call-ID: ${known.callId}`,
        `CSeq: ${known.cseq}`,
        `Contact: <sip:fuzz@${host}:${this.port}>`,
        `RSeq: ${dice.below(5)}`,
        `Require: ${dice.pick(['100rel', 'timer', ''])}`,
        ...(body === '' ? [] : ['Content-Type: application/sdp']),
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
      'latin1',
    )
  }

  #send(lines: string[], body = ''): void {
    const text = [...lines, `Content-Length: ${body.length}`, '', body].join('\r\n')
    this.#socket.send(Buffer.from(text, 'latin1'), this.#enginePort, host, () => undefined)
  }

  #remember(known: Known): void {
    if (this.#dialogs.length >= maxDialogs) this.#dialogs.shift()
    this.#dialogs.push(known)
  }

  #onMessage(text: string, from: RemoteInfo): void {
    if (from.port !== this.#enginePort) return
    if (text.startsWith('SIP/2.0 ')) this.#onResponse(text)
    else this.#onRequest(text)
  }

  #onResponse(text: string): void {
    const status = Number(text.slice(8, 11))
    if (!field(text, 'CSeq').endsWith('INVITE') || status < 200) return
    const theirTag = tag(field(text, 'To'))
    const target = /<([^>]+)>/.exec(field(text, 'Contact'))?.[1] ?? `sip:live@${host}:${this.#enginePort}`
    const sequence = Number.parseInt(field(text, 'CSeq'), 10) || 1
    const ack = [
      `ACK ${target} SIP/2.0`,
      `Via: ${status < 300 ? `SIP/2.0/UDP ${host}:${this.port};branch=z9hG4bKack${this.#dice.below(1e9)}` : field(text, 'Via')}`,
      'Max-Forwards: 70',
      `From: ${field(text, 'From')}`,
      `To: ${field(text, 'To')}`,
      `Call-ID: ${field(text, 'Call-ID')}`,
      `CSeq: ${sequence} ACK`,
    ]
    if (status < 300) {
      this.answered++
      this.#remember({
        callId: field(text, 'Call-ID'),
        ourTag: tag(field(text, 'From')),
        theirTag,
        target,
        sequence,
        via: undefined,
        cseq: '',
      })
      // Some never acknowledge: the engine has to end that itself.
      if (this.#dice.chance(0.1)) return
    }
    this.#send(ack)
  }

  #onRequest(text: string): void {
    const method = text.slice(0, text.indexOf(' '))
    const vias = text.split('\r\n').filter((line) => /^via:/i.test(line))
    const ourTag = tag(field(text, 'To')) || `u${this.#dice.below(1e6)}`
    const to = tag(field(text, 'To')) ? field(text, 'To') : `${field(text, 'To')};tag=${ourTag}`
    this.#remember({
      callId: field(text, 'Call-ID'),
      ourTag,
      theirTag: tag(field(text, 'From')),
      target: /<([^>]+)>/.exec(field(text, 'Contact'))?.[1] ?? `sip:live@${host}:${this.#enginePort}`,
      sequence: 1000,
      via: field(text, 'Via'),
      cseq: field(text, 'CSeq'),
    })
    if (method === 'ACK') return
    const answer = (status: number, extra: string[] = [], body = ''): void =>
      this.#send(
        [
          `SIP/2.0 ${status} X`,
          ...vias,
          `From: ${field(text, 'From')}`,
          `To: ${to}`,
          `Call-ID: ${field(text, 'Call-ID')}`,
          `CSeq: ${field(text, 'CSeq')}`,
          `Contact: <sip:fuzz@${host}:${this.port}>`,
          ...extra,
        ],
        body,
      )
    if (method !== 'INVITE') {
      answer(200)
      return
    }
    if (this.#dice.chance(0.3)) answer(180)
    if (this.#dice.chance(0.15)) answer(this.#dice.pick([404, 486, 503, 603]))
    else if (this.#dice.chance(0.95)) answer(200, ['Content-Type: application/sdp'], sdp(4006))
  }
}
