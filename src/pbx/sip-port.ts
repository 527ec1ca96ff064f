/**
 * What the call side asks of drachtio-srf, in our own types: the package's declarations leave out half of what
 * it does (the 'cancel' event, REGISTER, the answer of in-dialog requests). `srf-port.ts` is the only adapter.
 */
export interface SipPort {
  /** Handles out-of-dialog requests of one method (lower case). */
  handle(method: string, handler: (request: IncomingRequest, reply: Reply) => void): void
  /** Answers an INVITE with 200; rejects when the caller cancelled meanwhile or the flow is gone. */
  accept(
    request: IncomingRequest,
    reply: Reply,
    answer: { sdp: string; headers: HeaderFields },
  ): Promise<SipDialog>
  /** Sends an INVITE. Resolves with the dialog at the 200, rejects with SipFailure for anything else. */
  invite(target: RequestTarget, invite: OutgoingInvite): Promise<SipDialog>
  /** Sends any other request outside a dialog and resolves with its final response. */
  request(
    target: RequestTarget,
    request: { method: string; headers: HeaderFields; body?: string },
  ): Promise<FinalResponse>
}

/** Header name to value. A value with a line break and a second name makes two fields. */
export type HeaderFields = Record<string, string>

/** Where a request goes: the Request-URI and, when it differs, the hop as a SIP URI (a flow or a trunk host). */
export interface RequestTarget {
  uri: string
  proxy: string | undefined
}

export interface OutgoingInvite {
  headers: HeaderFields
  sdp: string
  /** Called with the Call-ID of the INVITE once it has left. */
  onSent?(sipCallId: string): void
  /** Called once for every provisional response above 100. */
  onProvisional(status: number, sdp: string): void
  /** Aborting sends CANCEL; the signal's reason may be a CancelReason whose header goes with it. */
  signal: AbortSignal
}

/** Why an INVITE of ours is cancelled. */
export class CancelReason extends Error {
  /** Value of the Reason header field (RFC 3326), or undefined for none. */
  readonly reasonHeader: string | undefined

  constructor(text: string, reasonHeader?: string) {
    super(text)
    this.name = 'CancelReason'
    this.reasonHeader = reasonHeader
  }
}

/** A final response other than 2xx; 408 and 503 may have been made by the engine itself. */
export class SipFailure extends Error {
  readonly status: number
  readonly reason: string
  /** Seconds of Retry-After turned to ms; undefined when the response had none. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, reason: string, retryAfterMs?: number) {
    super(`${status} ${reason}`)
    this.name = 'SipFailure'
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

export interface FinalResponse {
  status: number
  reason: string
  /** Empty when there was none. */
  body: string
}

/** A request from the network. Satisfied by drachtio-srf's Request. */
export interface IncomingRequest {
  readonly method: string
  readonly uri: string
  readonly body: string | undefined
  readonly source_address: string
  readonly source_port: number
  /** `udp`, `tcp` or `tls`. */
  readonly protocol: string
  get(name: string): string | undefined
  /** Only of an INVITE that is not answered yet. */
  on(event: 'cancel', listener: (cancel: { get(name: string): string | undefined }) => void): unknown
}

/** The answer to one request. Satisfied by drachtio-srf's Response. */
export interface Reply {
  readonly finalResponseSent: boolean
  send(status: number, reason: string, options: { headers?: HeaderFields; body?: string }): void
}

/** An INVITE dialog. */
export interface SipDialog {
  /** What our side last offered or answered with at setup. */
  readonly localSdp: string
  readonly remoteSdp: string
  /** Remote end's BYE; `reason` is `normal release`, or says why the engine ended the dialog by itself. */
  onBye(listener: (reason: string) => void): void
  /** In-dialog requests other than BYE and ACK. Every one must be answered. */
  onRequest(listener: (request: IncomingRequest, reply: Reply) => void): void
  /** The description in the ACK of the re-INVITE with this CSeq number; undefined when it has none or the dialog ends. */
  acknowledged(sequence: number): Promise<string | undefined>
  /** Sends a request in the dialog, resolves with its final response (also a failure). */
  request(request: { method: string; headers?: HeaderFields; body?: string }): Promise<FinalResponse>
  /** Sends BYE once; never rejects. */
  bye(headers?: HeaderFields): Promise<void>
}
