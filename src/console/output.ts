import type { Clock } from '#src/base/clock.ts'
import type { ByteStream } from './ports.ts'

/** Characters that wait for the line; about eight screens, 1.5 s at 115,200 baud. */
const maxWaiting = 16_384
/** One write; small, so that what is typed meanwhile is answered soon. */
const chunkSize = 512
/** A line that takes nothing for so long has nobody at its other end. */
const stalledMs = 5_000

/** How long the end of a session waits for the line. */
const lastWordsMs = 500

const note = '\r\n[Some output was not shown.]\r\n'

/**
 * Writes to a line that may be slow or stuck, and never waits for it: what it does not take in time is dropped, and
 * the person is told once it takes something again.
 */
export class Output {
  readonly #stream: ByteStream
  readonly #clock: Clock
  #waiting = ''
  #pumping: Promise<void> | undefined
  /** A write has been under way for too long. */
  #stuck = false
  #dropped = false
  #closed = false

  constructor(stream: ByteStream, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
  }

  /** Takes text with `\n` or `\r\n` line ends. */
  write(text: string): void {
    if (this.#closed || text === '') return
    const plain = (this.#dropped ? note : '') + text.replace(/\r?\n/g, '\r\n')
    if (this.#stuck || this.#waiting.length + plain.length > maxWaiting) {
      this.#dropped = true
      return
    }
    this.#dropped = false
    this.#waiting += plain
    this.#pumping ??= this.#pump()
  }

  /** Writes the last words and waits a little for the line to take them; takes nothing afterwards. */
  async end(text: string): Promise<void> {
    this.write(text)
    const stop = new AbortController()
    await Promise.race([this.#pumping, this.#clock.sleep(lastWordsMs, stop.signal).catch(() => undefined)])
    stop.abort()
    this.#closed = true
    this.#waiting = ''
  }

  async #pump(): Promise<void> {
    try {
      while (this.#waiting !== '') {
        const chunk = this.#waiting.slice(0, chunkSize)
        this.#waiting = this.#waiting.slice(chunkSize)
        const timer = this.#clock.setTimer(stalledMs, () => this.#stall())
        try {
          await this.#stream.write(Buffer.from(chunk, 'latin1'))
        } finally {
          timer.cancel()
        }
        this.#stuck = false
      }
    } catch {
      // The line is gone; the stream itself tells the session.
      this.#closed = true
    }
    this.#pumping = undefined
  }

  #stall(): void {
    this.#stuck = true
    this.#dropped = true
    this.#waiting = ''
  }
}
