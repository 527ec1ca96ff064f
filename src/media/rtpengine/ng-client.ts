import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import bencode from 'bencode'
import type { Clock, Timer } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { Random } from '#src/base/random.ts'

/** A value of the NG protocol: bencode knows strings, numbers, lists and dictionaries. */
export type NgValue = string | number | NgValue[] | { [key: string]: NgValue }

export type NgDictionary = Record<string, NgValue>

export interface NgClientOptions {
  host: string
  port: number
  clock: Clock
  random: Random
}

interface Waiting {
  packet: Buffer
  tries: number
  timer: Timer
  resolve: (reply: NgDictionary) => void
  reject: (error: Error) => void
}

// rtpengine keeps the reply to a cookie for a while, so sending a request again does not do it again.
const firstRetryMs = 150
const maxTries = 5

/** rtpengine's NG protocol: `cookie SP bencoded dictionary` over UDP, sent again until the reply with that cookie comes. */
export class NgClient {
  readonly #options: NgClientOptions
  readonly #waiting = new Map<string, Waiting>()
  #socket: Socket | undefined
  /** Cookies must differ between runs of this process too, since replies are remembered by cookie alone. */
  #cookiePrefix = ''
  #next = 0

  constructor(options: NgClientOptions) {
    this.#options = options
  }

  /** Opens the socket; says nothing about whether rtpengine is there. */
  async start(): Promise<void> {
    const { host, port, random } = this.#options
    this.#cookiePrefix = random.token(8)
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    this.#socket = socket
    socket.on('message', (packet) => this.#receive(packet))
    // A refused port shows as an error here; the request runs into its own timeout.
    socket.on('error', () => undefined)
    const connected = once(socket, 'connect')
    // A connected socket takes replies from rtpengine only.
    socket.connect(port, host)
    await connected
  }

  /** Closes the socket and rejects what is still open. */
  stop(): void {
    for (const cookie of [...this.#waiting.keys()]) this.#settle(cookie)?.reject(unanswered('stopped'))
    this.#socket?.close()
    this.#socket = undefined
  }

  /** Sends a command and returns the reply dictionary, whatever its result says; rejects with MEDIA_FAILED without one. */
  request(command: NgDictionary): Promise<NgDictionary> {
    const cookie = `${this.#cookiePrefix}${(this.#next++).toString(36)}`
    const packet = Buffer.concat([Buffer.from(`${cookie} `), bencode.encode(command)])
    return new Promise((resolve, reject) => {
      if (!this.#socket) return reject(unanswered('not started'))
      const waiting: Waiting = { packet, tries: 0, timer: { cancel: () => undefined }, resolve, reject }
      this.#waiting.set(cookie, waiting)
      this.#send(cookie, waiting)
    })
  }

  #send(cookie: string, waiting: Waiting): void {
    if (waiting.tries === maxTries) {
      this.#settle(cookie)?.reject(unanswered('no reply'))
      return
    }
    const delayMs = firstRetryMs * 2 ** waiting.tries
    waiting.tries++
    this.#socket?.send(waiting.packet, () => undefined)
    waiting.timer = this.#options.clock.setTimer(delayMs, () => this.#send(cookie, waiting))
  }

  #receive(packet: Buffer): void {
    const space = packet.indexOf(0x20)
    const cookie = packet.toString('latin1', 0, Math.max(0, space))
    if (!this.#waiting.has(cookie)) return
    const reply = readDictionary(packet.subarray(space + 1))
    const waiting = this.#settle(cookie)
    if (reply) waiting?.resolve(reply)
    else waiting?.reject(unanswered('a reply that is not bencode'))
  }

  #settle(cookie: string): Waiting | undefined {
    const waiting = this.#waiting.get(cookie)
    this.#waiting.delete(cookie)
    waiting?.timer.cancel()
    return waiting
  }
}

/** Reads one bencoded dictionary; undefined for anything else. */
export function readDictionary(bytes: Uint8Array): NgDictionary | undefined {
  try {
    return asDictionary(decoded(bencode.decode(bytes)))
  } catch {
    return undefined
  }
}

function decoded(value: unknown): NgValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (Array.isArray(value)) return value.map(decoded)
  if (typeof value === 'number') return value
  return Object.fromEntries(Object.entries(value ?? {}).map(([key, entry]) => [key, decoded(entry)]))
}

/** The value as text, empty when it is none. */
export function asText(value: NgValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The value as a dictionary, or undefined. */
export function asDictionary(value: NgValue | undefined): NgDictionary | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

/** The value as a list, empty when it is none. */
export function asList(value: NgValue | undefined): NgValue[] {
  return Array.isArray(value) ? value : []
}

/** The value as a number, 0 when it is none. */
export function asNumber(value: NgValue | undefined): number {
  return typeof value === 'number' ? value : typeof value === 'string' ? Number(value) || 0 : 0
}

function unanswered(reason: string): ApplianceError {
  return new ApplianceError(
    'MEDIA_FAILED',
    { relay: 'rtpengine', reason },
    { advice: 'Check that rtpengine runs, and that its listen-ng address is the one in the settings.' },
  )
}
