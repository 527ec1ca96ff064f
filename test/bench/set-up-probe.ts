import { createSocket, type Socket } from 'node:dgram'
import { answerChallenge, formatDigestCredentials, parseDigestChallenge } from '#src/sip/digest.ts'

const everyMs = 50
/** RFC 3261 timer A: what is not answered is sent again, as a phone would. */
const t1Ms = 500

/** What the calls of one stretch of time met. */
export interface SetUps {
  /** INVITE to 180 or 200, ms, of the calls that were taken. */
  ms: number[]
  /** Calls that got 503: new work that the box had no room for. */
  refused: number
}

/** A phone reduced to placing a call and noting how long the far end took to ring: a measure, no proof of anything. */
export class SetUpProbe {
  readonly #socket: Socket
  readonly #user: { username: string; password: string }
  readonly #number: string
  readonly #boxPort: number
  readonly #waiting = new Map<string, (text: string) => void>()
  #calls = 0

  private constructor(
    socket: Socket,
    user: { username: string; password: string },
    number: string,
    boxPort: number,
  ) {
    this.#socket = socket
    this.#user = user
    this.#number = number
    this.#boxPort = boxPort
    socket.on('message', (bytes) => {
      const text = bytes.toString('latin1')
      const callId = /^Call-ID: *(\S+)/im.exec(text)?.[1]
      if (callId !== undefined && text.startsWith('SIP/2.0')) this.#waiting.get(callId)?.(text)
    })
  }

  static async open(
    user: { username: string; password: string },
    number: string,
    boxPort: number,
  ): Promise<SetUpProbe> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new SetUpProbe(socket, user, number, boxPort)
  }

  /** Places a call every 50 ms while `work` goes on. */
  async run(work: () => Promise<void>): Promise<SetUps> {
    const calls: Promise<number | undefined>[] = []
    const place = (): void => void calls.push(this.#call())
    place()
    const timer = setInterval(place, everyMs)
    try {
      await work()
    } finally {
      clearInterval(timer)
    }
    const done = await Promise.all(calls)
    const ms = done.filter((value) => value !== undefined)
    return { ms, refused: done.length - ms.length }
  }

  close(): void {
    this.#socket.close()
  }

  /** One call from its first INVITE to 180 or 200; it is answered, acknowledged and ended behind that. */
  #call(): Promise<number | undefined> {
    const id = `probe${process.pid}n${++this.#calls}`
    const startedMs = performance.now()
    let repeat: NodeJS.Timeout | undefined
    const send = (text: string): void => {
      clearInterval(repeat)
      this.#socket.send(text, this.#boxPort, '127.0.0.1')
      repeat = setInterval(() => this.#socket.send(text, this.#boxPort, '127.0.0.1'), t1Ms)
    }
    return new Promise((resolve, reject) => {
      let ringMs: number | undefined
      const give = setTimeout(() => {
        clearInterval(repeat)
        this.#waiting.delete(id)
        reject(new Error('a call was not set up within 30 s'))
      }, 30_000)
      const finish = (): void => {
        clearTimeout(give)
        clearInterval(repeat)
        this.#waiting.delete(id)
        resolve(ringMs)
      }
      this.#waiting.set(id, (text) => {
        const status = Number(text.slice(8, 11))
        const cseq = Number(/^CSeq: *(\d+)/im.exec(text)?.[1])
        if (status > 100 && status < 300 && cseq === 2) ringMs ??= performance.now() - startedMs
        if (status === 407 && cseq === 1) {
          this.#socket.send(this.#request('ACK', id, 1, text), this.#boxPort, '127.0.0.1')
          send(this.#request('INVITE', id, 2, '', this.#credentials(text)))
        } else if (status === 200 && cseq === 2) {
          this.#socket.send(this.#request('ACK', id, 2, text), this.#boxPort, '127.0.0.1')
          send(this.#request('BYE', id, 3, text))
        } else if (cseq === 3) finish()
        else if (status === 100) clearInterval(repeat)
        else if (status === 503) {
          this.#socket.send(this.#request('ACK', id, cseq, text), this.#boxPort, '127.0.0.1')
          finish()
        } else if (status >= 300 && cseq === 2) {
          clearInterval(repeat)
          reject(new Error(`a call was refused: ${text.slice(0, 40)}`))
        }
      })
      send(this.#request('INVITE', id, 1, ''))
    })
  }

  get #uri(): string {
    return `sip:${this.#number}@127.0.0.1:${this.#boxPort}`
  }

  #credentials(challenged: string): string {
    const field = [...challenged.matchAll(/^Proxy-Authenticate: *(.*)$/gim)].at(-1)?.[1] ?? ''
    const challenge = parseDigestChallenge(field.trim())
    if (!challenge) throw new Error(`no challenge in ${challenged}`)
    const { username, password } = this.#user
    const answer = {
      challenge,
      username,
      password,
      method: 'INVITE',
      uri: this.#uri,
      cnonce: 'abc',
      nonceCount: 1,
    }
    return formatDigestCredentials(answerChallenge(answer))
  }

  #request(method: string, id: string, cseq: number, answered: string, credentials?: string): string {
    const port = this.#socket.address().port
    const { username } = this.#user
    const to = /^To: *(.*?)\r$/im.exec(answered)?.[1] ?? `<sip:${this.#number}@127.0.0.1>`
    const contact = /^Contact: *<([^>]+)>/im.exec(answered)?.[1]
    const body = method === 'INVITE' ? description : ''
    const branch = method === 'ACK' && contact === undefined ? `INVITE${cseq}` : `${method}${cseq}`
    const lines = [
      `${method} ${method === 'INVITE' ? this.#uri : (contact ?? this.#uri)} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${id}${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:${username}@127.0.0.1>;tag=${id}`,
      `To: ${to}`,
      `Call-ID: ${id}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:${username}@127.0.0.1:${port}>`,
      'User-Agent: SIPp probe',
      ...(credentials === undefined ? [] : [`Proxy-Authorization: ${credentials}`]),
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ]
    return `${lines.join('\r\n')}\r\n\r\n${body}`
  }
}

const description = [
  'v=0',
  'o=probe 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 8',
  'a=rtpmap:8 PCMA/8000',
  'a=sendrecv',
  '',
].join('\r\n')
