import type Srf from 'drachtio-srf'
import { secondsToMs } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import {
  CancelReason,
  SipFailure,
  type FinalResponse,
  type HeaderFields,
  type IncomingRequest,
  type OutgoingInvite,
  type Reply,
  type RequestTarget,
  type SipDialog,
  type SipPort,
} from './sip-port.ts'

/** The parts of drachtio-srf 5.0.29 that its declarations get wrong or leave out. */
interface RealSrf {
  use(method: string, handler: (request: IncomingRequest, reply: Reply) => void): void
  createUAS(request: unknown, reply: unknown, options: object): Promise<RealDialog>
  createUAC(uri: string, options: object, progress: object): Promise<RealDialog>
  request(uri: string, options: object, callback: (error: unknown, request: RealRequest) => void): unknown
}

interface RealRequest {
  get(name: string): string | undefined
  cancel(options: { headers: HeaderFields }, callback: (error: unknown) => void): void
  on(event: 'response', listener: (response: RealResponse) => void): void
}

interface RealResponse {
  status: number
  reason: string
  body: string | undefined
  get(name: string): string | undefined
}

interface RealDialog {
  local: { sdp: string | undefined }
  remote: { sdp: string | undefined }
  destroy(options: { headers: HeaderFields }): Promise<unknown>
  request(options: object, callback: (error: unknown, response: RealResponse) => void): unknown
  on(event: 'destroy', listener: (request: unknown, reason: string | undefined) => void): unknown
  on(event: string, listener: (request: IncomingRequest, reply: Reply) => void): unknown
}

// A listener must exist for each, or the library answers 200 in our name (a REFER would look accepted).
const inDialogEvents = [
  'modify',
  'update',
  'info',
  'options',
  'message',
  'notify',
  'refer',
  'publish',
  'subscribe',
]

/** Adapts a connected drachtio-srf, whether the engine behind it is ours or a drachtio-server. */
export function srfPort(connected: Srf, logger: Logger): SipPort {
  const srf = connected as unknown as RealSrf
  return {
    handle(method, handler) {
      srf.use(method, handler)
    },
    async accept(request, reply, answer) {
      const dialog = await srf.createUAS(request, reply, { localSdp: answer.sdp, headers: answer.headers })
      return adaptDialog(dialog, logger)
    },
    invite: (target, invite) => sendInvite(srf, target, invite, logger),
    request: (target, request) =>
      new Promise((resolve, reject) => {
        const options = { ...request, ...proxyOption(target) }
        srf.request(target.uri, options, (error, sent) => {
          if (error) reject(asFailure(error))
          else sent.on('response', (response) => response.status >= 200 && resolve(finalResponse(response)))
        })
      }),
  }
}

async function sendInvite(
  srf: RealSrf,
  target: RequestTarget,
  invite: OutgoingInvite,
  logger: Logger,
): Promise<SipDialog> {
  if (invite.signal.aborted) throw new SipFailure(487, 'Request Terminated')
  let sent: RealRequest | undefined
  const cancel = (): void => {
    // Before the engine has echoed the INVITE there is nothing to cancel yet; onSent comes back here.
    if (!sent) return
    const reason: unknown = invite.signal.reason
    const header = reason instanceof CancelReason ? reason.reasonHeader : undefined
    sent.cancel({ headers: header === undefined ? {} : { Reason: header } }, (error) => {
      if (error) logger.debug({ err: error }, 'CANCEL came too late')
    })
  }
  const onSent = (error: unknown, request: RealRequest): void => {
    if (error) return
    sent = request
    const sipCallId = request.get('Call-ID')
    if (sipCallId !== undefined) invite.onSent?.(sipCallId)
    if (invite.signal.aborted) cancel()
  }
  const onProvisional = (response: RealResponse): void =>
    invite.onProvisional(response.status, response.body ?? '')
  invite.signal.addEventListener('abort', cancel, { once: true })
  try {
    const options = { headers: { ...invite.headers }, localSdp: invite.sdp, ...proxyOption(target) }
    const dialog = await srf.createUAC(target.uri, options, {
      cbRequest: onSent,
      cbProvisional: onProvisional,
    })
    return adaptDialog(dialog, logger)
  } catch (error) {
    throw asFailure(error)
  } finally {
    invite.signal.removeEventListener('abort', cancel)
  }
}

function adaptDialog(dialog: RealDialog, logger: Logger): SipDialog {
  let ended = false
  let endedReason: string | undefined
  let onBye: ((reason: string) => void) | undefined
  let onRequest: ((request: IncomingRequest, reply: Reply) => void) | undefined
  const early: [IncomingRequest, Reply][] = []
  const waiting = new Map<number, (sdp: string | undefined) => void>()
  const noMoreAcks = (): void => {
    for (const resolve of waiting.values()) resolve(undefined)
    waiting.clear()
  }
  dialog.on('ack', (ack) => {
    const sequence = Number.parseInt(ack.get('CSeq') ?? '', 10)
    waiting.get(sequence)?.(ack.body || undefined)
    waiting.delete(sequence)
  })
  dialog.on('destroy', (_request, reason) => {
    ended = true
    noMoreAcks()
    endedReason = reason ?? 'normal release'
    onBye?.(endedReason)
  })
  for (const event of inDialogEvents) {
    dialog.on(event, (request, reply) => {
      if (onRequest) onRequest(request, reply)
      else early.push([request, reply])
    })
  }
  return {
    localSdp: dialog.local.sdp ?? '',
    remoteSdp: dialog.remote.sdp ?? '',
    onBye(listener) {
      onBye = listener
      // A BYE may arrive between the 200 and the moment somebody listens.
      if (endedReason !== undefined) listener(endedReason)
    },
    onRequest(listener) {
      onRequest = listener
      for (const [request, reply] of early.splice(0)) listener(request, reply)
    },
    acknowledged: (sequence) =>
      new Promise((resolve) => {
        if (ended) resolve(undefined)
        else waiting.set(sequence, resolve)
      }),
    // Not dialog.modify(): after one refused re-INVITE it waits for ever (5.0.29 never lowers its counter).
    request: (request) =>
      new Promise((resolve, reject) => {
        if (ended) {
          reject(new SipFailure(481, 'Call/Transaction Does Not Exist'))
          return
        }
        dialog.request({ headers: {}, ...request }, (error, response) => {
          if (error) reject(asFailure(error))
          else if (response.status >= 200) resolve(finalResponse(response))
        })
      }),
    async bye(headers = {}) {
      if (ended) return
      ended = true
      noMoreAcks()
      try {
        await dialog.destroy({ headers })
      } catch (error) {
        logger.debug({ err: error }, 'BYE was not needed any more')
      }
    },
  }
}

function proxyOption(target: RequestTarget): { proxy?: string } {
  return target.proxy === undefined ? {} : { proxy: target.proxy }
}

function finalResponse(response: RealResponse): FinalResponse {
  return { status: response.status, reason: response.reason, body: response.body ?? '' }
}

/** A SipError keeps its status; anything else means the request never left (no route, no such transport). */
function asFailure(error: unknown): SipFailure {
  const failure = error as { status?: unknown; reason?: unknown; message?: unknown; res?: RealResponse }
  if (typeof failure.status !== 'number') return new SipFailure(503, String(failure.message ?? error))
  const retryAfter = /^\s*(\d{1,6})/.exec(failure.res?.get('Retry-After') ?? '')?.[1]
  return new SipFailure(
    failure.status,
    typeof failure.reason === 'string' ? failure.reason : '',
    retryAfter === undefined ? undefined : secondsToMs(Number(retryAfter)),
  )
}
