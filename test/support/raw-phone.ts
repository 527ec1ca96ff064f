import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/**
 * A phone reduced to REGISTER over UDP, so that a test can keep a ledger of exactly what the box acknowledged.
 * It proves nothing about interoperability; baresip and SIPp do that.
 */
export class RawPhone {
  readonly #socket: Socket
  readonly #username: string
  readonly #password: string
  readonly #boxPort: number
  readonly #callId = Math.random().toString(36).slice(2)
  #cseq = 1
  readonly #waiting = new Map<string, (text: string | undefined) => void>()

  private constructor(socket: Socket, username: string, password: string, boxPort: number) {
    this.#socket = socket
    this.#username = username
    this.#password = password
    this.#boxPort = boxPort
    socket.on('message', (bytes) => {
      const text = bytes.toString()
      const cseq = /^CSeq: *(\d+)/im.exec(text)?.[1]
      if (cseq !== undefined) this.#waiting.get(cseq)?.(text)
    })
    socket.on('error', () => undefined)
  }

  static async open(username: string, password: string, boxPort: number): Promise<RawPhone> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new RawPhone(socket, username, password, boxPort)
  }

  /** Registers this contact, or only asks when there is none; the contacts of the 200, or undefined without one. */
  async register(contact: string | undefined, limitMs = 30_000): Promise<string[] | undefined> {
    const challenge = await this.#send(contact, undefined, limitMs)
    if (challenge === undefined) return undefined
    const realm = /realm="([^"]*)"/.exec(challenge)?.[1] ?? ''
    const nonce = [...challenge.matchAll(/nonce="([^"]*)"/g)].at(-1)?.[1] ?? ''
    const uri = `sip:127.0.0.1:${this.#boxPort}`
    const ha1 = md5(`${this.#username}:${realm}:${this.#password}`)
    const response = md5(`${ha1}:${nonce}:00000001:abcdef:auth:${md5(`REGISTER:${uri}`)}`)
    const reply = await this.#send(
      contact,
      `Digest username="${this.#username}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
        'algorithm=MD5, cnonce="abcdef", nc=00000001, qop=auth',
      limitMs,
    )
    if (reply === undefined || !reply.startsWith('SIP/2.0 200')) return undefined
    return [...reply.matchAll(/<(sip:[^>]+)>[^,\r\n]*expires=/gi)].map((match) => match[1] as string)
  }

  /** Ends the phone; what it still waits for will not come. */
  close(): void {
    for (const finish of [...this.#waiting.values()]) finish(undefined)
    this.#socket.close()
  }

  #send(
    contact: string | undefined,
    authorization: string | undefined,
    limitMs: number,
  ): Promise<string | undefined> {
    const cseq = String(this.#cseq++)
    const uri = `sip:127.0.0.1:${this.#boxPort}`
    const lines = [
      `REGISTER ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.#socket.address().port};branch=z9hG4bK${this.#callId}${cseq};rport`,
      'Max-Forwards: 70',
      `From: <sip:${this.#username}@127.0.0.1>;tag=${this.#callId}`,
      `To: <sip:${this.#username}@127.0.0.1>`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${cseq} REGISTER`,
      'User-Agent: SIPp ledger',
      ...(contact === undefined ? [] : [`Contact: <${contact}>;expires=3600`]),
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      'Content-Length: 0',
    ]
    return new Promise((resolve) => {
      const finish = (text: string | undefined): void => {
        clearTimeout(timer)
        this.#waiting.delete(cseq)
        resolve(text)
      }
      const timer = setTimeout(() => finish(undefined), limitMs)
      this.#waiting.set(cseq, finish)
      this.#socket.send(`${lines.join('\r\n')}\r\n\r\n`, this.#boxPort, '127.0.0.1')
    })
  }
}
