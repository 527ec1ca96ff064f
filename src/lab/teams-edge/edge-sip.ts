import type Srf from 'drachtio-srf'
import { errorText } from '#src/base/errors.ts'

/** Header name to value. */
export type HeaderFields = Record<string, string>

/** A request from the box. Satisfied by drachtio-srf's Request. */
export interface EdgeRequest {
  readonly method: string
  readonly uri: string
  readonly body: string | undefined
  get(name: string): string | undefined
  /** Only of an INVITE that has no final response yet. */
  on(event: 'cancel', listener: (cancel: { get(name: string): string | undefined }) => void): unknown
}

/** The answer to one request. */
export interface EdgeReply {
  send(status: number, reason: string, options: { headers?: HeaderFields; body?: string }): void
}

/** A call that is set up. */
export interface EdgeDialog {
  readonly remoteSdp: string
  /** The box's BYE, or the engine's own end; `reason` says which. */
  onEnd(listener: (reason: string | undefined) => void): void
  onReoffer(listener: (request: EdgeRequest, reply: EdgeReply) => void): void
  /** Sends BYE once; never rejects. */
  bye(): Promise<void>
}

/** An INVITE of ours that was not answered with 200. */
export class InviteRefused extends Error {
  readonly status: number
  /** Text of its Reason header, or its reason phrase. */
  readonly reason: string

  constructor(status: number, reason: string) {
    super(`${status} ${reason}`)
    this.name = 'InviteRefused'
    this.status = status
    this.reason = reason
  }
}

/** What the edge asks of its SIP stack. */
export interface EdgeSip {
  /** Handles requests of one method (lower case) that begin something. */
  handle(method: string, handler: (request: EdgeRequest, reply: EdgeReply) => void): void
  /** Answers with 200; rejects when the box cancelled meanwhile. */
  accept(request: EdgeRequest, reply: EdgeReply, sdp: string, headers: HeaderFields): Promise<EdgeDialog>
  /** Resolves at the 200, rejects with InviteRefused. Aborting the signal sends CANCEL. */
  invite(uri: string, invite: EdgeInvite): Promise<EdgeDialog>
  /** Sends a request outside a dialog; resolves with its final status. */
  request(uri: string, request: { method: string; headers: HeaderFields }): Promise<number>
}

/** An INVITE to send. */
export interface EdgeInvite {
  headers: HeaderFields
  sdp: string
  signal: AbortSignal
  /** Called once it is on the wire. */
  onSent(callId: string): void
}

// drachtio-srf's declarations lack `proxy`-less requests with callbacks, Reason of CANCEL and half of the events.
interface RealSrf {
  use(method: string, handler: (request: EdgeRequest, reply: EdgeReply) => void): void
  createUAS(request: unknown, reply: unknown, options: object): Promise<RealDialog>
  createUAC(uri: string, options: object, progress: object): Promise<RealDialog>
  request(uri: string, options: object, callback: (error: unknown, sent: RealRequest) => void): unknown
}

interface RealRequest {
  get(name: string): string
  cancel(callback: (error: unknown) => void): void
  on(event: 'response', listener: (response: { status: number }) => void): void
}

interface RealDialog {
  remote: { sdp: string | undefined }
  destroy(): Promise<unknown>
  on(
    event: 'destroy',
    listener: (bye: { get(name: string): string | undefined } | undefined) => void,
  ): unknown
  on(event: string, listener: (request: EdgeRequest, reply: EdgeReply) => void): unknown
}

/** Adapts a connected drachtio-srf. */
export function edgeSip(connected: Srf): EdgeSip {
  const srf = connected as unknown as RealSrf
  return {
    handle: (method, handler) => srf.use(method, handler),
    accept: async (request, reply, sdp, headers) =>
      adaptDialog(await srf.createUAS(request, reply, { localSdp: sdp, headers })),
    invite: (uri, invite) => sendInvite(srf, uri, invite),
    request: (uri, { method, headers }) =>
      new Promise((resolve, reject) => {
        srf.request(uri, { method, headers }, (error, sent) => {
          if (error) reject(error instanceof Error ? error : new Error(errorText(error)))
          else sent.on('response', ({ status }) => status >= 200 && resolve(status))
        })
      }),
  }
}

async function sendInvite(srf: RealSrf, uri: string, invite: EdgeInvite): Promise<EdgeDialog> {
  let sent: RealRequest | undefined
  const cancel = (): void => sent?.cancel(() => undefined)
  const cbRequest = (error: unknown, request: RealRequest): void => {
    if (error) return
    sent = request
    invite.onSent(request.get('Call-ID'))
    if (invite.signal.aborted) cancel()
  }
  invite.signal.addEventListener('abort', cancel, { once: true })
  try {
    const options = { headers: { ...invite.headers }, localSdp: invite.sdp }
    return adaptDialog(await srf.createUAC(uri, options, { cbRequest }))
  } catch (error) {
    throw asRefusal(error)
  } finally {
    invite.signal.removeEventListener('abort', cancel)
  }
}

function asRefusal(error: unknown): InviteRefused {
  const failure = error as {
    status?: unknown
    reason?: unknown
    res?: { get(name: string): string | undefined }
  }
  // Without a status the request never left: no route, no TLS, no certificate.
  if (typeof failure.status !== 'number') return new InviteRefused(503, errorText(error))
  const phrase = typeof failure.reason === 'string' ? failure.reason : ''
  return new InviteRefused(failure.status, reasonText(failure.res?.get('Reason')) ?? phrase)
}

/** The text of a Reason header (RFC 3326), or the header itself when it has none. */
export function reasonText(header: string | undefined): string | undefined {
  return header === undefined ? undefined : (/text="([^"]*)"/.exec(header)?.[1] ?? header)
}

function adaptDialog(dialog: RealDialog): EdgeDialog {
  let ended: { reason: string | undefined } | undefined
  let onEnd: ((reason: string | undefined) => void) | undefined
  let onReoffer: ((request: EdgeRequest, reply: EdgeReply) => void) | undefined
  dialog.on('destroy', (bye) => {
    ended = { reason: reasonText(bye?.get('Reason')) }
    onEnd?.(ended.reason)
  })
  const reoffer = (request: EdgeRequest, reply: EdgeReply): void => onReoffer?.(request, reply)
  dialog.on('modify', reoffer)
  dialog.on('update', reoffer)
  // Unanswered, the library would say 200 in our name: a REFER or INFO would look accepted.
  for (const event of ['refer', 'info', 'message', 'publish']) {
    dialog.on(event, (_request, reply) => reply.send(405, 'Method Not Allowed', {}))
  }
  return {
    remoteSdp: dialog.remote.sdp ?? '',
    onEnd(listener) {
      onEnd = listener
      if (ended) listener(ended.reason)
    },
    onReoffer(listener) {
      onReoffer = listener
    },
    async bye() {
      if (ended) return
      ended = { reason: undefined }
      // The box may have hung up in the same moment; then there is nothing left to end.
      await dialog.destroy().catch(() => undefined)
    },
  }
}
