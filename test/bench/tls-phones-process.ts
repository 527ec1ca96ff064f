// Load: many phones, each with a TLS connection of its own that registers and stays. Run by the benchmark as
// node test/bench/tls-phones-process.ts PORT FILE; FILE holds [{username, password}, …]. Prints one line of JSON when all
// are registered or have failed, and keeps the connections until it is killed.
import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { answerChallenge, formatDigestCredentials, parseDigestChallenge } from '#src/sip/digest.ts'

const [port = '', file = ''] = process.argv.slice(2)
const phones = JSON.parse(readFileSync(file, 'utf8')) as { username: string; password: string }[]
const atOnce = 20
// The box takes a limited number of connections from one address: these come from many, as phones do.
const sourceOf = (index: number): string => `127.0.${1 + Math.floor(index / 100)}.${1 + (index % 100)}`
const uri = `sip:127.0.0.1:${port};transport=tls`

class Phone {
  readonly #socket: TLSSocket
  readonly #username: string
  readonly #password: string
  readonly #source: string
  #text = ''
  #answer: ((text: string) => void) | undefined

  constructor(index: number, username: string, password: string) {
    this.#username = username
    this.#password = password
    this.#source = sourceOf(index)
    const tcp = connectTcp({ host: '127.0.0.1', port: Number(port), localAddress: this.#source })
    tcp.on('error', (error) => this.#socket.destroy(error))
    // Load, no proof of anything: the box made its certificate itself.
    this.#socket = connect({ socket: tcp, rejectUnauthorized: false })
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  /** Resolves with what it heard last: `200` when all is well. A phone that is asked to wait does so, five times. */
  async register(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('secureConnect', resolve)
      this.#socket.once('error', reject)
    })
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(attempt)
      const waitS = /^Retry-After: *(\d+)/im.exec(answer)?.[1]
      if (!answer.startsWith('SIP/2.0 503') || waitS === undefined || attempt === 5)
        return answer.slice(8, 40)
      await new Promise((resolve) => setTimeout(resolve, Number(waitS) * 1000))
    }
  }

  async #attempt(attempt: number): Promise<string> {
    const challenged = await this.#send(2 * attempt + 1, undefined)
    const field = [...challenged.matchAll(/^WWW-Authenticate: *(.*)$/gim)]
      .map((match) => match[1] ?? '')
      .at(-1)
    const challenge = parseDigestChallenge(field ?? '')
    if (!challenge) return challenged
    const credentials = answerChallenge({
      challenge,
      username: this.#username,
      password: this.#password,
      method: 'REGISTER',
      uri,
      cnonce: 'abcdef',
      nonceCount: 1,
    })
    return this.#send(2 * attempt + 2, formatDigestCredentials(credentials))
  }

  #send(cseq: number, authorization: string | undefined): Promise<string> {
    const name = this.#username
    const address = `${this.#source}:5061`
    const lines = [
      `REGISTER ${uri} SIP/2.0`,
      `Via: SIP/2.0/TLS ${address};branch=z9hG4bK${name}c${cseq};rport`,
      'Max-Forwards: 70',
      `From: <sip:${name}@127.0.0.1>;tag=${name}t`,
      `To: <sip:${name}@127.0.0.1>`,
      `Call-ID: ${name}@${this.#source}`,
      `CSeq: ${cseq} REGISTER`,
      'User-Agent: SIPp TLS phone',
      `Contact: <sip:${name}@${address};transport=tls>;expires=3600`,
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      'Content-Length: 0',
    ]
    this.#text = ''
    return new Promise((resolve, reject) => {
      this.#answer = resolve
      this.#socket.once('close', () => reject(new Error('closed')))
      this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    })
  }

  #read(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
    if (!this.#text.includes('\r\n\r\n')) return
    const answer = this.#answer
    this.#answer = undefined
    answer?.(this.#text)
  }
}

let registered = 0
let next = 0
const kept: Phone[] = []
const errors: string[] = []
async function work(): Promise<void> {
  while (next < phones.length) {
    const index = next++
    const { username, password } = phones[index] as { username: string; password: string }
    try {
      const phone = new Phone(index, username, password)
      kept.push(phone)
      const heard = await phone.register()
      if (heard.startsWith('200')) registered++
      else errors.push(`${username}: ${heard}`)
    } catch (error) {
      errors.push(`${username}: ${String(error)}`)
    }
  }
}
await Promise.all(Array.from({ length: atOnce }, work))
process.stdout.write(`${JSON.stringify({ registered, of: kept.length, errors: errors.slice(0, 5) })}\n`)
