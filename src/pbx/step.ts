import type { Logger } from '#src/base/logger.ts'
import type { Counters } from './counters.ts'
import type { IncomingRequest, Reply } from './sip-port.ts'

/** What a handler says instead of handling: the refusal that is sent in its name. */
export interface RefusedReply {
  status: number
  reason: string
  headers?: Record<string, string>
}

/**
 * Handles one request to its end, or returns the refusal to send. Whoever has nothing to wait for answers in the same
 * turn: a challenge costs no promise.
 */
export type Handler = (
  request: IncomingRequest,
  reply: Reply,
) => Promise<RefusedReply | void> | RefusedReply | void

/**
 * Turns a handler into middleware. The library's chain catches only what is thrown synchronously;
 * here a rejection is logged and counted and becomes 500, so no request is left without a final response.
 */
export function step(
  handler: Handler,
  context: { logger: Logger; counters: Counters },
): (request: IncomingRequest, reply: Reply) => void {
  const refuse = (reply: Reply, refused: RefusedReply): void => {
    if (reply.finalResponseSent) return
    reply.send(refused.status, refused.reason, { headers: refused.headers ?? {} })
  }
  const failed = (request: IncomingRequest, reply: Reply, error: unknown): void => {
    context.counters.add('handlerFailed')
    context.logger.error(
      { err: error, method: request.method, callId: request.get('Call-ID'), from: request.source_address },
      'a SIP request could not be handled',
    )
    refuse(reply, { status: 500, reason: 'Server Internal Error' })
  }
  return (request, reply) => {
    try {
      const handled = handler(request, reply)
      if (handled instanceof Promise) {
        handled
          .then((refused) => refused && refuse(reply, refused))
          .catch((error: unknown) => failed(request, reply, error))
      } else if (handled) refuse(reply, handled)
    } catch (error) {
      failed(request, reply, error)
    }
  }
}
