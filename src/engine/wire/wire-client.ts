import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import { SipHeaders, type SipMessage, type SipRequest, type SipResponse } from '#src/sip/message.ts'
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
  recordPayload,
  sentRequestPayload,
  sentResponsePayload,
  sipPayload,
  timeStamp,
  type Command,
} from './commands.ts'
import type { CallRecords, RecordReader } from './call-records.ts'
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
  readonly records: CallRecords
  listeners(): readonly ListenerAddress[]
}

const recordVerbs = new Set(['cdr:attempt', 'cdr:start', 'cdr:stop'])

/** One application, whatever its link is made of: reads its commands, writes its frames. */
export class WireClient implements ProxyingApplication, RecordReader {
  readonly readsText = true
  readonly #context: WireContext
  readonly #write: (payload: string) => void
  readonly #close: () => void
  /** Undefined: trusted, a part of this process. */
  readonly #secret: string | undefined
  /** What it gets without asking. */
  readonly #methods: readonly string[]
  readonly #recordVerbs = new Set<string>()
  /** What was proxied while somebody wanted call records, by command. */
  readonly #proxying = new Map<
    string,
    { transaction: string; stays: boolean; last: SipResponse | undefined }
  >()
  #authenticated = false
  #name: string | undefined
  #gone = false

  constructor(
    context: WireContext,
    link: { write(payload: string): void; close(): void },
    secret: string | undefined,
    methods: readonly string[] = [],
  ) {
    this.#context = context
    this.#write = (payload) => link.write(payload)
    this.#close = () => link.close()
    this.#secret = secret
    this.#methods = methods
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
    const { routes, records } = this.#context
    routes.removeAll(this)
    for (const verb of this.#recordVerbs) records.remove(verb, this)
    if (records.wanted) records.lost(this)
    this.#context.handler.gone(this, this.#name)
  }

  request(
    meta: MessageMeta,
    ids: { transaction: string; dialog: string },
    receivedOn: { host: string; port: number } | undefined,
    request: SipRequest,
  ): void {
    this.#put(sipPayload(this.#id(), meta, this.#stamp(), ids, receivedOn, messageText(request)))
    const { records } = this.#context
    if (records.wanted) records.given(this, ids, request, receivedOn !== undefined)
  }

  response(meta: MessageMeta, ids: { transaction: string; dialog: string }, response: SipResponse): void {
    this.#put(sipPayload(this.#id(), meta, this.#stamp(), ids, undefined, messageText(response)))
    const { records } = this.#context
    if (records.wanted) records.answered(ids, response)
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
    const { records } = this.#context
    if (records.wanted) records.sent(this, ids, message)
  }

  refused(commandId: string, text: string): void {
    this.#put(nokPayload(this.#id(), commandId, text))
    this.#endProxying(commandId)
  }

  gaveUp(transaction: string): void {
    const { records } = this.#context
    if (records.wanted) records.gaveUp(transaction)
  }

  proxied(commandId: string, meta: MessageMeta, response: SipResponse): void {
    this.#put(proxiedPayload(this.#id(), commandId, meta, this.#stamp(), messageText(response)))
    const proxying = this.#proxying.get(commandId)
    if (!proxying) return
    proxying.last = response
    this.#context.records.proxied(proxying.transaction, response, proxying.stays)
  }

  proxyDone(commandId: string): void {
    this.#put(okPayload(this.#id(), commandId, 'done'))
    this.#endProxying(commandId)
  }

  record(verb: string, source: string, detail: string | undefined, message: SipMessage): void {
    this.#put(recordPayload(this.#id(), verb, source, this.#stamp(), detail, messageText(message)))
  }

  #authenticate(command: Extract<Command, { verb: 'authenticate' }>): void {
    if (this.#secret !== undefined && !sameSecret(command.secret, this.#secret)) {
      this.#write(noPayload(this.#id(), command.id, 'incorrect secret'))
      this.#hangUp()
      return
    }
    this.#authenticated = true
    for (const method of this.#methods) this.#route(method)
    this.#put(helloPayload(this.#id(), command.id, this.#context.listeners()))
    // A part of this process ends with it: only a client behind a connection can be awaited.
    if (this.#secret === undefined || this.#name !== undefined) return
    this.#name = command.tags.sort().join(',')
    this.#context.handler.arrived(this, this.#name)
  }

  #obey(command: Exclude<Command, { verb: 'authenticate' }>): void {
    switch (command.verb) {
      case 'route':
        this.#route(command.method)
        this.#put(okPayload(this.#id(), command.id))
        return
      case 'removeRoute':
        this.#unroute(command.method)
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

  #route(method: string): void {
    if (!method.startsWith('cdr:')) this.#context.routes.add(method, this)
    else if (recordVerbs.has(method)) {
      this.#recordVerbs.add(method)
      this.#context.records.add(method, this)
    }
  }

  #unroute(method: string): void {
    if (this.#recordVerbs.delete(method)) this.#context.records.remove(method, this)
    else this.#context.routes.remove(method, this)
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
    const { records, handler } = this.#context
    const { transaction, remainInDialog } = command.wish
    if (records.wanted) {
      records.proxying(transaction)
      this.#proxying.set(command.id, { transaction, stays: remainInDialog, last: undefined })
    }
    handler.proxy(this, { ...command.wish, commandId: command.id, headers })
  }

  #endProxying(commandId: string): void {
    const proxying = this.#proxying.get(commandId)
    if (!proxying) return
    this.#proxying.delete(commandId)
    this.#context.records.proxyDone(proxying.transaction, proxying.last)
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
