import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { encodeFrame, FrameReader } from '#src/engine/wire/frame.ts'

/** An application reduced to frames, for what the library would never send. */
export class DoorClient {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #frames: string[] = []
  readonly #waiting: ((frame: string) => void)[] = []
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      for (const frame of this.#reader.push(chunk)) {
        const waiting = this.#waiting.shift()
        if (waiting) waiting(frame)
        else this.#frames.push(frame)
      }
    })
  }

  static async open(t: Test, port: number): Promise<DoorClient> {
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    t.teardown(() => socket.destroy())
    return new DoorClient(socket)
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  send(payload: string): void {
    this.write(encodeFrame(payload))
  }

  /** The tokens of the next frame's first line. */
  async next(): Promise<string[]> {
    const frame = await this.nextFrame()
    return (frame.split('\r\n')[0] ?? '').split('|')
  }

  nextFrame(): Promise<string> {
    const frame = this.#frames.shift()
    return frame === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(frame)
  }

  /** Sends a command and gives the answer's tokens behind the id. */
  async ask(payload: string): Promise<string[]> {
    this.send(payload)
    return (await this.next()).slice(1)
  }

  close(): void {
    this.#socket.destroy()
  }
}
