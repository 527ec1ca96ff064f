import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ApplianceError } from '#src/base/errors.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { CallTally } from '../metrics/call-tally.ts'
import { EventLoopWatch } from '../metrics/event-loop.ts'
import { MetricsToken } from '../metrics/metrics-token.ts'
import { writeMetrics } from '../metrics/write-metrics.ts'
import { errors, publicErrors } from '../schema/answers.ts'
import { noContent } from '../schema/common.ts'
import { metricsTokenMade, metricsTokenView } from '../schema/metrics.ts'
import { cookieName } from './session.ts'

const rateLimit = { max: 120, timeWindow: 60_000 }

/** The metrics for Prometheus, and the token with which it reads them. */
export function metricsRoutes(api: Api, context: ApiContext): void {
  const calls = new CallTally(context.events)
  const eventLoop = new EventLoopWatch()
  eventLoop.start()
  api.addHook('onClose', async () => eventLoop.stop())
  const token = (): MetricsToken => new MetricsToken(need(context, 'store').secrets)

  api.get(
    '/api/metrics',
    {
      // Public only for the guard of the pages: a Prometheus server has no cookie and shows its token instead.
      config: { access: 'public', rateLimit },
      schema: {
        summary: 'Everything that the box counts, for Prometheus; needs the metrics token or a login',
        tags: ['box'],
        response: {
          200: {
            description: 'OpenMetrics, or the older text format when only that is accepted',
            content: { 'application/openmetrics-text': { schema: Type.String() } },
          },
          ...publicErrors('UNAUTHENTICATED', 'PART_NOT_RUNNING'),
        },
      },
    },
    async (request, reply) => {
      if (!isLoggedIn(context, request) && !token().opens(request.headers.authorization)) {
        void reply.header('www-authenticate', 'Bearer')
        throw new ApplianceError('UNAUTHENTICATED')
      }
      const { contentType, body } = await writeMetrics(context, {
        calls,
        eventLoop,
        openMetrics: wantsOpenMetrics(request.headers.accept),
      })
      return reply.header('content-type', contentType).send(body)
    },
  )

  api.get(
    '/api/metrics/token',
    {
      schema: {
        summary: 'Whether there is a metrics token, and since when',
        tags: ['box'],
        response: { 200: metricsTokenView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => ({ madeAtMs: token().madeAtMs ?? null }),
  )

  api.post(
    '/api/metrics/token',
    {
      schema: {
        summary: 'Make a new metrics token; it is shown this once, and the one before ends',
        tags: ['box'],
        response: { 200: metricsTokenMade, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    () => {
      const { clock, random } = context.options
      const nowMs = clock.nowMs()
      const made = token().make(random, nowMs)
      audit(context, { action: 'metrics.token', subject: 'metrics' })
      return { token: made, madeAtMs: nowMs }
    },
  )

  api.delete(
    '/api/metrics/token',
    {
      schema: {
        summary: 'Take the metrics token away',
        tags: ['box'],
        response: { 204: noContent, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    (_request, reply) => {
      token().remove()
      audit(context, { action: 'metrics.tokenRemoved', subject: 'metrics' })
      void reply.status(204).send(null)
    },
  )
}

function isLoggedIn(context: ApiContext, request: FastifyRequest): boolean {
  return context.sessions.isLive(request.cookies[cookieName], true)
}

/** Servers that know both name OpenMetrics; whoever takes anything gets it too. */
function wantsOpenMetrics(accept: string | undefined): boolean {
  return (
    accept === undefined ||
    /application\/openmetrics-text|\*\/\*/.test(accept) ||
    !accept.includes('text/plain')
  )
}
