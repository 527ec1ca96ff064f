import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import type { TransportProtocol } from '../transport/transport-port.ts'
import type { DirectServing } from './direct-serving.ts'

/** Where a message came from or went to, as the application is told. */
export interface MessageMeta {
  source: 'network' | 'application'
  bytes: number
  protocol: TransportProtocol
  /** Peer of what came in and of responses sent; our own side for requests sent. '' when made locally. */
  host: string
  port: number
}

/** One application behind the wire, as the dialog layer sees it. No member may throw. */
export interface Application {
  /** The connection is lost; whatever is sent is thrown away. */
  readonly gone: boolean
  /** It reads messages as UTF-8 text: a body of other bytes cannot be handed over unharmed. */
  readonly readsText: boolean
  /** A request from the network; `receivedOn` only outside dialogs. */
  request(
    meta: MessageMeta,
    ids: { transaction: string; dialog: string },
    receivedOn: { host: string; port: number } | undefined,
    request: SipRequest,
  ): void
  response(meta: MessageMeta, ids: { transaction: string; dialog: string }, response: SipResponse): void
  /** The answer to a command that sent something: the message as it is on the wire. */
  sent(
    commandId: string,
    meta: MessageMeta,
    ids: { transaction: string; dialog: string },
    message: SipRequest | SipResponse,
  ): void
  /** Takes a request outside dialogs as it is, in place of `request`; for parts of this process. */
  takeDirectly?(serving: DirectServing): void
  /** The answer to a command that did nothing. */
  refused(commandId: string, text: string): void
  /** An INVITE that it was given is over without it: it was silent too long, or the caller cannot be reached. */
  gaveUp?(transaction: string): void
}

/** Chooses who gets a new request. */
export interface ApplicationChoice {
  /** The next application that asked for this method (lower case). */
  choose(method: string): Application | undefined
  /** The methods that somebody serves, lower case. */
  methods(): string[]
  /** Whether somebody has ever served this method: then it is missed, not unknown. */
  everServed(method: string): boolean
}

/** Transaction id of requests that the engine made by itself; the library answers nothing to them. */
export const unsolicited = 'unsolicited'
