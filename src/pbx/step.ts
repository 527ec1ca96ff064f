import type { Logger } from '#src/base/logger.ts'
import type { Counters } from './counters.ts'
import type { IncomingRequest, Reply } from './sip-port.ts'

/** What a handler says instead of handling: the refusal that is sent in its name. */
export interface RefusedReply {
  status: number
  reason: string
  headers?: Record<string, string>
}

/** Handles one request to its end, or returns the refusal to send. */
export type Handler = (request: IncomingRequest, reply: Reply) => Promise<RefusedReply | void>

/**
 * Turns an async handler into middleware. The library's chain catches only what is thrown synchronously;
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
  const run = async (request: IncomingRequest, reply: Reply): Promise<void> => {
    try {
      const refused = await handler(request, reply)
      if (refused) refuse(reply, refused)
    } catch (error) {
      context.counters.add('handlerFailed')
      context.logger.error(
        { err: error, method: request.method, callId: request.get('Call-ID'), from: request.source_address },
        'a SIP request could not be handled',
      )
      refuse(reply, { status: 500, reason: 'Server Internal Error' })
    }
  }
  return (request, reply) => void run(request, reply)
}
