import { connect, type Socket } from 'node:net'

/** What is kept of a line's text, characters. */
const kept = 400_000

/** One end of a serial cable: keeps what came, waits for what is to come. */
export class SerialLine {
  readonly name: string
  #socket: Socket | undefined
  #raw = ''
  readonly #waiting = new Set<() => void>()

  constructor(name: string) {
    this.name = name
  }

  /** Plugs in, trying again until the other end is there. */
  async connect(path: string, alive: () => void): Promise<void> {
    for (;;) {
      alive()
      const socket = connect(path)
      const there = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true))
        socket.once('error', () => resolve(false))
      })
      if (there) {
        socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('utf8')))
        socket.on('error', () => undefined)
        this.#socket = socket
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Everything that came, without colours and cursor movements. */
  get text(): string {
    return plain(this.#raw)
  }

  /** A place in the text; what comes later is behind it. */
  mark(): number {
    return this.text.length
  }

  send(text: string): void {
    this.#socket?.write(text)
  }

  /** Adds a line of our own between what came. */
  note(text: string): void {
    this.#take(`\n${text}\n`)
  }

  /** Waits until the text behind `from` matches; rejects with its end after `limitMs`. */
  async waitFor(pattern: RegExp, limitMs: number, from = 0): Promise<RegExpExecArray> {
    const endMs = performance.now() + limitMs
    for (;;) {
      const match = pattern.exec(this.text.slice(from))
      if (match) return match
      const leftMs = endMs - performance.now()
      if (leftMs <= 0)
        throw new Error(
          `${this.name}: no ${String(pattern)} within ${limitMs} ms:\n${this.text.slice(from).slice(-3000)}`,
        )
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, leftMs)
        const waiting = this.#waiting
        function wake(): void {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    }
  }

  close(): void {
    this.#socket?.destroy()
  }

  #take(text: string): void {
    this.#raw += text
    if (this.#raw.length > 2 * kept) this.#raw = this.#raw.slice(-kept)
    for (const wake of [...this.#waiting]) wake()
  }
}

const escape = String.fromCharCode(27)
const sequences = new RegExp(`${escape}\\[[0-9;?=:]*[A-Za-z]|${escape}[A-Za-z]|\\r`, 'g')

/** Text without what moves a terminal's cursor or colours it; sequences may come in two pieces, so never piecewise. */
function plain(text: string): string {
  return text.replaceAll(sequences, '')
}
