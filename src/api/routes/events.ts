import { ApplianceError } from '#src/base/errors.ts'
import { Type } from 'typebox'
import type { ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { securityHeaders } from '../security-headers.ts'
import { cookieName } from './session.ts'

/** GET /api/events: what changes on the box, as server-sent events, until the page goes or logs out. */
export function eventsRoute(api: Api, context: ApiContext): void {
  api.get(
    '/api/events',
    {
      schema: {
        summary: 'Server-sent events: registrations, calls, trunks, sign-ins, health',
        description: 'Each event carries the record that the page would otherwise fetch.',
        tags: ['box'],
        response: {
          200: {
            description: 'text/event-stream',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
          ...errors(),
        },
      },
    },
    (request, reply) => {
      const session = request.cookies[cookieName]
      const { raw } = reply
      const sink = {
        write: (text: string): void => void raw.write(text),
        // What a page has not read would keep the socket open for ever.
        end: (): void => void (raw.writableLength > 0 ? raw.destroy() : raw.end()),
        get waitingBytes(): number {
          return raw.writableLength
        },
      }
      if (context.events.isFull) throw new ApplianceError('TOO_MANY_TRIES', { retryAfterS: 30 })
      void reply.hijack()
      raw.writeHead(200, {
        ...securityHeaders,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
      })
      const close = context.events.open(sink, () => context.sessions.isLive(session, false))
      raw.on('close', close)
      // It may have gone while its login was judged: then nobody tells of its end any more.
      if (raw.destroyed) close()
    },
  )
}
