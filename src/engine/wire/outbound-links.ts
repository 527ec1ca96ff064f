import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Timer } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import { isIpLiteral } from '#src/base/net.ts'
import type { OutboundApplication } from '../options.ts'
import { joinSocket } from './socket-link.ts'
import type { WireContext } from './wire-client.ts'

const firstDelayMs = 500
const longestDelayMs = 30_000

/**
 * Calls the applications that wait to be called (`srf.listen`), and calls again when a connection is lost. Such an
 * application cannot ask for methods: it gets those of its options as soon as it has shown the secret.
 */
export class OutboundLinks {
  readonly #context: WireContext
  readonly #logger: Logger
  readonly #links: OutboundLink[]

  constructor(context: WireContext, applications: readonly OutboundApplication[], logger: Logger) {
    this.#context = context
    this.#logger = logger
    this.#links = applications.map(
      (application) => new OutboundLink(this.#context, application, this.#logger),
    )
  }

  start(): void {
    for (const link of this.#links) link.dial()
  }

  stop(): void {
    for (const link of this.#links) link.stop()
  }
}

class OutboundLink {
  readonly #context: WireContext
  readonly #application: OutboundApplication
  readonly #logger: Logger
  #socket: Socket | undefined
  #timer: Timer | undefined
  #delayMs = firstDelayMs
  #stopped = false

  constructor(context: WireContext, application: OutboundApplication, logger: Logger) {
    this.#context = context
    this.#application = application
    this.#logger = logger
  }

  dial(): void {
    if (this.#stopped) return
    const { host, port, tls, secret, methods } = this.#application
    const onUp = (): void => {
      this.#delayMs = firstDelayMs
    }
    let socket: Socket
    try {
      // A certificate names a host; one that is an address is checked as such, without SNI (RFC 6066 3).
      socket = tls
        ? connectTls({ host, port, ca: tls.caPem, ...(isIpLiteral(host) ? {} : { servername: host }) }, onUp)
        : connect({ host, port }, onUp)
    } catch (error) {
      // Options that cannot be used, as a port beyond all: another try would find them as they are.
      this.#logger.error({ err: error, host, port }, 'an application cannot be called')
      return
    }
    this.#socket = socket
    joinSocket(socket, { context: this.#context, secret, methods, logger: this.#logger }, () => this.#again())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#socket?.destroy()
  }

  #again(): void {
    if (this.#stopped) return
    this.#timer = this.#context.clock.setTimer(this.#delayMs, () => this.dial())
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs)
  }
}
