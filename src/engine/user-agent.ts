import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { ApplicationLoss } from './application-loss.ts'
import type { Application } from './dialog/application.ts'
import { ApplicationRequests, type RequestCommand } from './dialog/application-requests.ts'
import { AwaitedNotifies } from './dialog/awaited-notifies.ts'
import type { RequestContext } from './dialog/request-context.ts'
import { DialogKeeper } from './dialog/dialog-keeper.ts'
import { NetworkRequests } from './dialog/network-requests.ts'
import type { ProxyCommand, ProxyingApplication } from './proxy/proxy-command.ts'
import { Proxy } from './proxy/proxy.ts'
import type { DialogsOfTheLost } from './options.ts'
import { ResponseJudges } from './dialog/response-judges.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'
import type { TransactionUser } from './transaction/transaction-layer.ts'
import type { Flow } from './transport/transport-port.ts'
import type { CallRecords } from './wire/call-records.ts'
import type { CommandHandler } from './wire/wire-client.ts'

/** Stands between transactions and applications: the meeting place of both directions. */
export class UserAgent implements CommandHandler, TransactionUser {
  readonly #context: RequestContext
  readonly #keeper: DialogKeeper
  readonly #awaited: AwaitedNotifies
  readonly #network: NetworkRequests
  readonly #applications: ApplicationRequests
  readonly #proxy: Proxy
  readonly #loss: ApplicationLoss

  constructor(context: RequestContext, records: CallRecords, dialogsOfTheLost: DialogsOfTheLost = 'end') {
    this.#context = context
    this.#keeper = new DialogKeeper(context)
    const judges = new ResponseJudges(context, this.#keeper)
    this.#awaited = new AwaitedNotifies(context.clock, context.bases.t1Ms)
    this.#network = new NetworkRequests(context, this.#keeper, judges, this.#awaited)
    this.#applications = new ApplicationRequests(context, this.#keeper, judges, this.#awaited)
    const passed = (bye: SipRequest): void => {
      if (records.wanted) records.passed(bye)
    }
    this.#proxy = new Proxy(context, passed)
    this.#loss = new ApplicationLoss(context, this.#keeper, dialogsOfTheLost, {
      respond: (client, command) => this.respond(client, command),
      abandoned: ({ state }) => {
        if (records.wanted) records.abandoned(state.callId, [state.localTag, state.remoteTag])
      },
      ended: passed,
      redeliver: (transaction) => this.#network.onRequest(transaction),
    })
  }

  /** How many proxied requests wait for their final response. */
  get proxiedAlive(): number {
    return this.#proxy.alive
  }

  respond(
    client: Application,
    command: { commandId: string; transaction: string; response: SipResponse },
  ): void {
    const request = this.#context.serving.get(command.transaction)
    if (request?.application === client) request.respond(command.commandId, command.response)
    else client.refused(command.commandId, 'Response not sent due to unknown transaction')
  }

  request(client: Application, command: RequestCommand): void {
    this.#applications.handle(client, command)
  }

  gone(client: Application, name: string | undefined): void {
    this.#loss.lost(client, name)
  }

  arrived(client: Application, name: string): void {
    this.#loss.returned(client, name)
  }

  /** RFC 3261 16: from here on the request belongs to the proxy; it must be outside dialogs and unanswered. */
  proxy(client: ProxyingApplication, command: ProxyCommand): void {
    const request = this.#context.serving.get(command.transaction)
    if (request?.application !== client || request.transaction.finalStatus !== 0) {
      client.refused(command.commandId, 'Request not proxied due to unknown transaction')
    } else if (request.dialog) {
      client.refused(command.commandId, 'Request not proxied: it belongs to a dialog')
    } else if (this.#proxy.begin(client, request, command)) this.#context.serving.delete(request.id)
  }

  /** Stops the timers of every request and dialog. */
  stop(): void {
    this.#awaited.stop()
    this.#proxy.stop()
    this.#loss.stop()
    for (const request of [...this.#context.asking.values()]) request.abandon()
    for (const dialog of this.#context.dialogs.all()) this.#keeper.remove(dialog)
  }

  onRequest(transaction: ServerTransaction): void {
    if (!this.#proxy.takes(transaction)) this.#network.onRequest(transaction)
  }

  onCancel(transaction: ServerTransaction, invite: ServerTransaction | undefined): void {
    if (!this.#proxy.takesCancel(transaction, invite)) this.#network.onCancel(transaction, invite)
  }

  onAck(ack: SipRequest, flow: Flow, bytes: number): void {
    if (!this.#proxy.takesAck(ack, flow)) this.#network.onAck(ack, flow, bytes)
  }

  onStraySuccess(response: SipResponse): void {
    this.#network.onStraySuccess(response)
  }
}
