import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { until } from '#test/support/until.ts'

interface Message {
  startLine: string
  text: string
  header(name: string): string
}

export interface TcpAccount {
  username: string
  password: string
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const token = (): string => randomBytes(8).toString('hex')

/**
 * The SIP side of a DECT server that has one TCP connection for all its handsets, as text and written apart from the
 * SIP code of the box. It sends what belongs together in one write.
 */
export class TcpServerPeer {
  readonly heard: Message[] = []
  readonly #socket: Socket
  #rest = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => this.#take(bytes.toString('latin1')))
    socket.on('error', () => undefined)
  }

  static async open(t: { teardown(release: () => void): void }, boxPort: number): Promise<TcpServerPeer> {
    const socket = connect(boxPort, '127.0.0.1')
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    t.teardown(() => socket.destroy())
    return new TcpServerPeer(socket)
  }

  /** The power goes off. */
  cut(): void {
    this.#socket.destroy()
  }

  /** Registers all at once, each with a Call-ID of its own; the final status of each, in the order of the accounts. */
  async registerAll(accounts: readonly TcpAccount[], listenPort: number): Promise<number[]> {
    const uri = 'sip:127.0.0.1'
    const calls = accounts.map((account) => ({ ...account, callId: token(), tag: token() }))
    const request = (call: (typeof calls)[number], cseq: number, more: string[]): string =>
      [
        `REGISTER ${uri} SIP/2.0`,
        `Via: SIP/2.0/TCP 127.0.0.1:${listenPort};branch=z9hG4bK${token()};rport`,
        'Max-Forwards: 70',
        `From: <sip:${call.username}@127.0.0.1>;tag=${call.tag}`,
        `To: <sip:${call.username}@127.0.0.1>`,
        `Call-ID: ${call.callId}`,
        `CSeq: ${cseq} REGISTER`,
        `Contact: <sip:${call.username}@127.0.0.1:${listenPort};transport=tcp>;expires=3600`,
        'User-Agent: IP-DECT test server',
        ...more,
        'Content-Length: 0\r\n\r\n',
      ].join('\r\n')
    const answer = (callId: string, cseq: number): Message | undefined =>
      this.heard.find(
        (message) => message.header('Call-ID') === callId && message.header('CSeq') === `${cseq} REGISTER`,
      )
    const all = async (cseq: number): Promise<Message[]> => {
      await until(() => calls.every(({ callId }) => answer(callId, cseq) !== undefined))
      return calls.flatMap(({ callId }) => answer(callId, cseq) ?? [])
    }

    this.#socket.write(calls.map((call) => request(call, 1, [])).join(''))
    const challenges = await all(1)
    const proofs = calls.map((call, index) => {
      const challenge = challenges[index]?.text ?? ''
      const field = /^WWW-Authenticate: (.*algorithm=MD5.*)$/im.exec(challenge)?.[1] ?? ''
      const realm = /realm="([^"]*)"/.exec(field)?.[1] ?? ''
      const nonce = /nonce="([^"]*)"/.exec(field)?.[1] ?? ''
      const secret = md5(`${call.username}:${realm}:${call.password}`)
      const response = md5(`${secret}:${nonce}:00000001:cafe:auth:${md5(`REGISTER:${uri}`)}`)
      return request(call, 2, [
        `Authorization: Digest username="${call.username}", realm="${realm}", nonce="${nonce}", uri="${uri}", ` +
          `response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cafe"`,
      ])
    })
    this.#socket.write(proofs.join(''))
    return (await all(2)).map(({ startLine }) => Number(startLine.split(' ')[1]))
  }

  /** The next INVITE after the first `from` messages; it is refused as busy, so that no call is left. */
  async refuseCall(from: number): Promise<{ uriUser: string }> {
    const invite = (): Message | undefined =>
      this.heard.slice(from).find(({ startLine }) => startLine.startsWith('INVITE '))
    await until(() => invite() !== undefined)
    const request = invite() as Message
    const vias = request.text.split('\r\n').filter((line) => /^via:/i.test(line))
    const lines = [
      'SIP/2.0 486 Busy Here',
      ...vias,
      `From: ${request.header('From')}`,
      `To: ${request.header('To')};tag=${token()}`,
      `Call-ID: ${request.header('Call-ID')}`,
      `CSeq: ${request.header('CSeq')}`,
      'Content-Length: 0\r\n\r\n',
    ]
    this.#socket.write(lines.join('\r\n'))
    return { uriUser: /^INVITE sip:([^@]+)@/.exec(request.startLine)?.[1] ?? '' }
  }

  #take(text: string): void {
    this.#rest += text
    for (;;) {
      const end = this.#rest.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = this.#rest.slice(0, end)
      const length = Number(/^Content-Length: *(\d+)/im.exec(head)?.[1] ?? 0)
      if (this.#rest.length < end + 4 + length) return
      this.#rest = this.#rest.slice(end + 4 + length)
      this.heard.push({
        startLine: head.split('\r\n')[0] ?? '',
        text: head,
        header: (name) => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trim() ?? '',
      })
    }
  }
}
