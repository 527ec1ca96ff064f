import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { encodeFrame, FrameError, FrameReader } from './frame.ts'
import { WireClient, type WireContext } from './wire-client.ts'

// A stranger must show the secret soon; an application that does not read is cut off before it fills the memory.
const authenticationTimeoutMs = 10_000
const maxUnreadBytes = 64 * 1024 * 1024
const keepAliveMs = 45_000

/** The TCP door for drachtio-srf applications outside this process. */
export class WireServer {
  readonly #context: WireContext
  readonly #secret: string
  readonly #logger: Logger
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(context: WireContext, secret: string, logger: Logger) {
    this.#context = context
    this.#secret = secret
    this.#logger = logger
  }

  /** Listens, or throws PORT_IN_USE. Returns the address with the port that was bound. */
  async start(host: string, port: number): Promise<{ host: string; port: number }> {
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve()
        })
      })
    } catch (error) {
      throw new ApplianceError('PORT_IN_USE', { protocol: 'drachtio', host, port }, { cause: error })
    }
    server.on('error', (error) => this.#logger.error({ err: error }, 'the application door failed'))
    return { host, port: (server.address() as AddressInfo).port }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const server = this.#server
    if (!server) return
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    const reader = new FrameReader()
    const batch = new WriteBatch(socket)
    const client = new WireClient(
      this.#context,
      { write: (payload) => batch.add(payload), close: () => batch.end() },
      this.#secret,
    )
    const deadline = this.#context.clock.setTimer(authenticationTimeoutMs, () => {
      if (!client.authenticated) socket.destroy()
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const payload of reader.push(chunk)) client.receive(payload)
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
        this.#logger.warn({ peer: socket.remoteAddress, reason: error.message }, 'application link closed')
        socket.destroy()
      }
    })
    socket.on('error', (error) => this.#logger.debug({ err: error }, 'application link failed'))
    socket.on('close', () => {
      deadline.cancel()
      this.#sockets.delete(socket)
      client.disconnected()
    })
  }
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
