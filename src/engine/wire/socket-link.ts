import type { Socket } from 'node:net'
import type { Logger } from '#src/base/logger.ts'
import { encodeFrame, FrameError, FrameReader } from './frame.ts'
import { WireClient, type WireContext } from './wire-client.ts'

// A stranger must show the secret soon; an application that does not read is cut off before it fills the memory.
const authenticationTimeoutMs = 10_000
// `authenticate` is one short line; frames of megabytes are for those who are known.
const maxStrangerBytes = 16 * 1024
const maxUnreadBytes = 64 * 1024 * 1024
const keepAliveMs = 45_000

/** What a connection to an application needs, whoever opened it. */
export interface LinkParts {
  context: WireContext
  secret: string
  /** What the application gets without asking, lower case. */
  methods: readonly string[]
  logger: Logger
}

/** Speaks drachtio's protocol on a connection that is up; `onClose` is called once. */
export function joinSocket(socket: Socket, parts: LinkParts, onClose: () => void): void {
  const { context, logger } = parts
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
  const reader = new FrameReader()
  const batch = new WriteBatch(socket)
  const client = new WireClient(
    context,
    { write: (payload) => batch.add(payload), close: () => batch.end() },
    parts.secret,
    parts.methods,
  )
  let strangerBytes = 0
  const deadline = context.clock.setTimer(authenticationTimeoutMs, () => {
    if (!client.authenticated) socket.destroy()
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const payload of reader.push(chunk)) client.receive(payload)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      logger.warn({ peer: socket.remoteAddress, reason: error.message }, 'application link closed')
      socket.destroy()
    }
    if (!client.authenticated && (strangerBytes += chunk.length) > maxStrangerBytes) socket.destroy()
  })
  socket.on('error', (error) => logger.debug({ err: error }, 'application link failed'))
  socket.on('close', () => {
    deadline.cancel()
    client.disconnected()
    onClose()
  })
}

// One write to the kernel per turn of the event loop, not one per frame.
class WriteBatch {
  readonly #socket: Socket
  #text = ''
  #ending = false
  readonly #flush = (): void => {
    const text = this.#text
    this.#text = ''
    if (this.#socket.destroyed) return
    if (text !== '') this.#socket.write(text)
    if (this.#ending) this.#socket.end()
    else if (this.#socket.writableLength > maxUnreadBytes) this.#socket.destroy()
  }

  constructor(socket: Socket) {
    this.#socket = socket
  }

  add(payload: string): void {
    if (this.#text === '' && !this.#ending) setImmediate(this.#flush)
    this.#text += encodeFrame(payload)
  }

  end(): void {
    if (this.#text === '' && !this.#ending) setImmediate(this.#flush)
    this.#ending = true
  }
}
