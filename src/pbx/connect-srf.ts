import { randomUUID } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import Srf from 'drachtio-srf'
import WireProtocol from 'drachtio-srf/lib/wire-protocol.js'
import { systemClock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { silentLogger, type Logger } from '#src/base/logger.ts'
import { sparingly } from '#src/base/sparing-logger.ts'
import { formatEndpoint } from '#src/base/net.ts'

/** The engine's end of a link in this process; satisfied by the engine. Payloads are frames without length. */
export interface EngineLink {
  send(frame: string): void
  onFrame: ((frame: string) => void) | undefined
  close(): void
}

/** Where a drachtio-server, or the engine's own door, waits for applications. */
export interface DrachtioAddress {
  host: string
  port: number
  secret: string
}

/** What the library's client object has and its declarations leave out. */
interface Agent {
  secret: string
  tags: string[]
  wp: WireProtocol
  emit(event: string, ...values: unknown[]): void
  _onConnect(socket: Socket): void
  _onClose(socket: Socket): void
  _onMsg(socket: Socket, text: string): void
}

interface App extends EventEmitter {
  client: Agent
  _init(): Agent
}

/** The library checks that it talks through a socket; this one has no handle and moves no bytes. */
class LinkSocket extends Socket {
  constructor() {
    super()
    Object.defineProperties(this, {
      remoteAddress: { value: '127.0.0.1' },
      remotePort: { value: 0 },
      localPort: { value: 0 },
    })
  }
}

/**
 * The library's wire protocol with the wire taken out: payloads go to the engine as strings, without framing,
 * socket or parsing of lengths. Answers come in a later turn of the event loop, as the library needs it.
 */
class EmbeddedWire extends WireProtocol {
  readonly #link: EngineLink
  readonly #socket = new LinkSocket()
  readonly #logger: Logger
  #closed = false

  constructor(link: EngineLink, logger: Logger) {
    super({})
    this.#link = link
    this.#logger = logger
  }

  override connect(): void {
    this.#link.onFrame = (frame) => {
      try {
        this.emit('msg', this.#socket, frame)
      } catch (error) {
        // A handler that throws must cost its own request only, not those behind it.
        this.#logger.error({ err: error }, 'a SIP handler threw')
      }
    }
    this.emit('connect', this.#socket)
  }

  override send(_socket: Socket, message: string): string {
    const id = randomUUID()
    this.#link.send(`${id}|${message}`)
    return id
  }

  override startPinging(): void {
    // There is no connection that could die unnoticed.
  }

  override disconnect(): void {
    if (this.#closed) return
    this.#closed = true
    this.#link.close()
    this.emit('close', this.#socket)
    this.#socket.destroy()
  }
}

/** Joins the unmodified library to the engine of this process; ready when every listener is bound. */
export async function connectEmbedded(link: EngineLink, logger: Logger = silentLogger): Promise<Srf> {
  const srf = new Srf()
  const app = (srf as unknown as { app: App }).app
  // What the library's own `connect` does, with our wire in the place of its own.
  const agent = app._init()
  app.client = agent
  agent.secret = ''
  agent.tags = []
  const wire = new EmbeddedWire(link, sparingly(logger, systemClock))
  agent.wp = wire
  wire.on('close', (socket: Socket) => {
    agent._onClose(socket)
    agent.emit('close', socket)
  })
  wire.on('connect', (socket: Socket) => agent._onConnect(socket))
  wire.on('msg', (socket: Socket, text: string) => agent._onMsg(socket, text))
  srf.on('error', (error) => logger.error({ err: error }, 'the link to the SIP engine failed'))
  const ready = connected(srf)
  wire.connect()
  await ready
  return srf
}

/** Joins the library to a drachtio-server, or to the door of an engine in another process. */
export async function connectDrachtio(address: DrachtioAddress, logger: Logger = silentLogger): Promise<Srf> {
  const srf = new Srf()
  const ready = connected(srf)
  const options = { ...address, enablePing: true, pingInterval: 15_000, reconnect: {} }
  void srf.connect(options)
  hearOnePerTurn((srf as unknown as { app: App }).app.client.wp, sparingly(logger, systemClock))
  try {
    await ready
  } catch (error) {
    giveUp(srf)
    throw new ApplianceError(
      'ENGINE_FAILED',
      { host: address.host, port: address.port },
      {
        cause: error,
        text: `The drachtio-server at ${formatEndpoint(address.host, address.port)} does not answer, or knows another secret.`,
        advice: 'Check address, port and secret of the drachtio-server.',
      },
    )
  }
  // The library reconnects by itself; without a listener its 'error' event would end the process.
  srf.on('error', (error) => logger.error({ err: error }, 'the drachtio-server cannot be reached'))
  return srf
}

/**
 * The library hands on all frames of one read at once. A BYE glued to the 200 of its call would be answered and
 * forgotten before the promise of that 200 has given anybody the chance to listen for it.
 */
function hearOnePerTurn(wp: WireProtocol, logger: Logger): void {
  const emit = wp.emit.bind(wp)
  const hear = (...values: unknown[]): void => {
    try {
      emit('msg', ...values)
    } catch (error) {
      logger.error({ err: error }, 'a SIP handler threw')
    }
  }
  wp.emit = (event: string, ...values: unknown[]) => {
    if (event !== 'msg') return emit(event, ...values)
    setImmediate(hear, ...values)
    return true
  }
}

function connected(srf: Srf): Promise<void> {
  return new Promise((resolve, reject) => {
    srf.once('error', reject)
    srf.once('connect', (...values: unknown[]) => {
      srf.off('error', reject)
      if (values[0] instanceof Error) reject(values[0])
      else resolve()
    })
  })
}

// The library would try again for ever behind the back of a caller that was told of the failure.
function giveUp(srf: Srf): void {
  const { wp } = (srf as unknown as { app: App }).app.client
  wp.closing = true
  clearTimeout(wp.reconnectVars?.retryTimer ?? undefined)
  srf.on('error', () => undefined)
}
