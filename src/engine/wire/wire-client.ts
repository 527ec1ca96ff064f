import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import type { Application, MessageMeta } from '../dialog/application.ts'
import type { ProxyCommand, ProxyingApplication } from '../proxy/proxy-command.ts'
import type { ListenerAddress } from '../transport/transport-port.ts'
import {
  helloPayload,
  noPayload,
  nokPayload,
  okPayload,
  parseCommand,
  proxiedPayload,
  sentRequestPayload,
  sentResponsePayload,
  sipPayload,
  timeStamp,
  type Command,
} from './commands.ts'
import { messageText, parseApplicationMessage } from './message-text.ts'
import type { RouteTable } from './route-table.ts'

/** What a client's commands lead to. */
export interface CommandHandler {
  respond(
    client: Application,
    command: { commandId: string; transaction: string; response: SipResponse },
  ): void
  request(
    client: Application,
    command: {
      commandId: string
      transaction: string
      dialog: string
      proxyUri: string | undefined
      request: SipRequest
    },
  ): void
  proxy(client: ProxyingApplication, command: ProxyCommand): void
  /** A client has shown the secret. Its name is made of its tags. */
  arrived(client: Application, name: string): void
  /** A client is lost; without a name it cannot come back. */
  gone(client: Application, name: string | undefined): void
}

/** What every client shares. */
export interface WireContext {
  readonly clock: Clock
  readonly random: Random
  readonly routes: RouteTable<Application>
  readonly handler: CommandHandler
  listeners(): readonly ListenerAddress[]
}

/** One application, whatever its link is made of: reads its commands, writes its frames. */
export class WireClient implements ProxyingApplication {
  readonly readsText = true
  readonly #context: WireContext
  readonly #write: (payload: string) => void
  readonly #close: () => void
  /** Undefined: trusted, a part of this process. */
  readonly #secret: string | undefined
  #authenticated = false
  #name: string | undefined
  #gone = false

  constructor(
    context: WireContext,
    link: { write(payload: string): void; close(): void },
    secret: string | undefined,
  ) {
    this.#context = context
    this.#write = (payload) => link.write(payload)
    this.#close = () => link.close()
    this.#secret = secret
  }

  get gone(): boolean {
    return this.#gone
  }

  get authenticated(): boolean {
    return this.#authenticated
  }

  /** One payload from the application. */
  receive(payload: string): void {
    if (this.#gone) return
    const command = parseCommand(payload)
    if (!command) {
      this.#hangUp()
      return
    }
    if (command.verb === 'authenticate') this.#authenticate(command)
    else if (!this.#authenticated) {
      // The protocol lets nobody in without the secret, so nothing else may be asked before.
      this.#write(noPayload(this.#id(), command.id, 'not authenticated'))
      this.#hangUp()
    } else this.#obey(command)
  }

  /** The link is lost; called once. */
  disconnected(): void {
    if (this.#gone) return
    this.#gone = true
    this.#context.routes.removeAll(this)
    this.#context.handler.gone(this, this.#name)
  }

  request(
    meta: MessageMeta,
    ids: { transaction: string; dialog: string },
    receivedOn: { host: string; port: number } | undefined,
    request: SipRequest,
  ): void {
    this.#put(sipPayload(this.#id(), meta, this.#stamp(), ids, receivedOn, messageText(request)))
  }

  response(meta: MessageMeta, ids: { transaction: string; dialog: string }, response: SipResponse): void {
    this.#put(sipPayload(this.#id(), meta, this.#stamp(), ids, undefined, messageText(response)))
  }

  sent(
    commandId: string,
    meta: MessageMeta,
    ids: { transaction: string; dialog: string },
    message: SipRequest | SipResponse,
  ): void {
    const text = messageText(message)
    this.#put(
      message.kind === 'request'
        ? sentRequestPayload(this.#id(), commandId, meta, this.#stamp(), ids.transaction, text)
        : sentResponsePayload(this.#id(), commandId, meta, this.#stamp(), ids, text),
    )
  }

  refused(commandId: string, text: string): void {
    this.#put(nokPayload(this.#id(), commandId, text))
  }

  proxied(commandId: string, meta: MessageMeta, response: SipResponse): void {
    this.#put(proxiedPayload(this.#id(), commandId, meta, this.#stamp(), messageText(response)))
  }

  proxyDone(commandId: string): void {
    this.#put(okPayload(this.#id(), commandId, 'done'))
  }

  #authenticate(command: Extract<Command, { verb: 'authenticate' }>): void {
    if (this.#secret !== undefined && !sameSecret(command.secret, this.#secret)) {
      this.#write(noPayload(this.#id(), command.id, 'incorrect secret'))
      this.#hangUp()
      return
    }
    this.#authenticated = true
    this.#put(helloPayload(this.#id(), command.id, this.#context.listeners()))
    // A part of this process ends with it: only a client behind a connection can be awaited.
    if (this.#secret === undefined || this.#name !== undefined) return
    this.#name = command.tags.sort().join(',')
    this.#context.handler.arrived(this, this.#name)
  }

  #obey(command: Exclude<Command, { verb: 'authenticate' }>): void {
    const { routes } = this.#context
    switch (command.verb) {
      case 'route':
        routes.add(command.method, this)
        this.#put(okPayload(this.#id(), command.id))
        return
      case 'removeRoute':
        routes.remove(command.method, this)
        this.#put(okPayload(this.#id(), command.id))
        return
      case 'ping':
        this.#put(okPayload(this.#id(), command.id, 'pong'))
        return
      case 'sip':
        this.#sip(command)
        return
      case 'proxy':
        this.#proxy(command)
        return
      case 'unknown':
        this.#write(noPayload(this.#id(), command.id, 'Unknown message type'))
        this.#hangUp()
    }
  }

  #sip(command: Extract<Command, { verb: 'sip' }>): void {
    const { handler } = this.#context
    const message = parseApplicationMessage(command.message)
    if (!message) this.refused(command.id, 'invalid message')
    else if (message.kind === 'response') {
      handler.respond(this, { commandId: command.id, transaction: command.transaction, response: message })
    } else {
      handler.request(this, {
        commandId: command.id,
        transaction: command.transaction,
        dialog: command.dialog,
        proxyUri: command.proxyUri,
        request: message,
      })
    }
  }

  #proxy(command: Extract<Command, { verb: 'proxy' }>): void {
    // The message names the first destination again and carries what the application wants to add.
    const message = command.message === '' ? undefined : parseApplicationMessage(command.message)
    const headers = message?.headers ?? new SipHeaders()
    this.#context.handler.proxy(this, { ...command.wish, commandId: command.id, headers })
  }

  #put(payload: string): void {
    if (!this.#gone) this.#write(payload)
  }

  #hangUp(): void {
    this.#close()
    this.disconnected()
  }

  #id(): string {
    return this.#context.random.token(16)
  }

  #stamp(): string {
    return timeStamp(this.#context.clock.nowMs())
  }
}

// Every character is looked at, whatever the first difference: the time taken says nothing about the secret.
function sameSecret(given: string, secret: string): boolean {
  let difference = given.length ^ secret.length
  for (let index = 0; index < secret.length; index++) {
    difference |= (given.charCodeAt(index) || 0) ^ secret.charCodeAt(index)
  }
  return difference === 0
}
