import { ChurningMap } from '#src/base/churning-map.ts'
import type { Logger } from '#src/base/logger.ts'
import type { SipRequest } from '#src/sip/message.ts'
import type { DirectDoor, DirectRequest } from '../direct-door.ts'
import type { Application, MessageMeta } from '../dialog/application.ts'
import type { DirectServing } from '../dialog/direct-serving.ts'
import type { CommandHandler } from './wire-client.ts'
import type { RouteTable } from './route-table.ts'

/** An application that is handed parsed requests and hands back responses: nothing is written as text in between. */
export class DirectClient implements Application, DirectDoor {
  readonly readsText = false
  readonly #routes: RouteTable<Application>
  readonly #handler: CommandHandler
  readonly #logger: Logger
  readonly #serving = new Map<string, (request: DirectRequest) => void>()
  /** What is not answered yet; what is over goes with the next that comes. */
  readonly #open = new ChurningMap<DirectServing, true>()
  #gone = false

  constructor(parts: { routes: RouteTable<Application>; handler: CommandHandler; logger: Logger }) {
    this.#routes = parts.routes
    this.#handler = parts.handler
    this.#logger = parts.logger
  }

  get gone(): boolean {
    return this.#gone
  }

  serve(method: string, handler: (request: DirectRequest) => void): void {
    this.#serving.set(method, handler)
    this.#routes.add(method.toLowerCase(), this)
  }

  close(): void {
    if (this.#gone) return
    this.#gone = true
    this.#routes.removeAll(this)
    for (const serving of [...this.#open.keys()]) serving.refuse(503)
    this.#open.clear()
    this.#handler.gone(this, undefined)
  }

  takeDirectly(serving: DirectServing): void {
    const handler = this.#serving.get(serving.request.method)
    if (!handler) return
    try {
      handler(serving)
    } catch (error) {
      // The transaction stays unanswered, as with an application that forgets it: timer U ends it.
      this.#logger.error({ err: error, method: serving.request.method }, 'a SIP handler threw')
    }
    if (serving.over) return
    this.#open.set(serving, true)
    this.#forgetOldest()
  }

  // Two of the oldest are looked at for each new one: those that are over go, the others to the back.
  #forgetOldest(): void {
    let looked = 0
    for (const serving of this.#open.keys()) {
      if (looked++ === 2) return
      this.#open.delete(serving)
      if (!serving.over) this.#open.set(serving, true)
    }
  }

  request(
    meta: MessageMeta,
    { transaction }: { transaction: string },
    _receivedOn: { host: string; port: number } | undefined,
    request: SipRequest,
  ): void {
    const handler = this.#serving.get(request.method)
    if (!handler) return
    try {
      handler({
        request,
        peer: meta,
        respond: (response) => this.#handler.respond(this, { commandId: transaction, transaction, response }),
      })
    } catch (error) {
      // The transaction stays unanswered, as with an application that forgets it: timer U ends it.
      this.#logger.error({ err: error, method: request.method }, 'a SIP handler threw')
    }
  }

  response(): void {
    // Nothing is asked through this door, so nothing is answered.
  }

  sent(): void {
    // Who answers through this door wants no copy of what went out.
  }

  refused(transaction: string, text: string): void {
    this.#logger.debug({ transaction, text }, 'an answer came too late')
  }
}
