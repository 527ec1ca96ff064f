import { Type } from 'typebox'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { callPage, liveCallsView } from '../schema/calls.ts'
import { idParams, noContent } from '../schema/common.ts'
import { trunkView } from '../schema/health.ts'
import { viewCall, viewLiveCall } from '../views/calls.ts'
import { viewTrunk } from '../views/health.ts'

/** Calls that go on, calls that ended, and the trunks. */
export function callRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/calls/live',
    {
      schema: {
        summary: 'Calls that are going on',
        tags: ['calls'],
        response: { 200: liveCallsView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => ({
      nowMs: context.options.clock.nowMs(),
      calls: need(context, 'pbx')
        .liveCalls()
        .map((call) => viewLiveCall(call, context.parts.store))
        .sort((a, b) => a.startedAtMs - b.startedAtMs),
    }),
  )

  api.delete(
    '/api/calls/live/:id',
    {
      schema: {
        summary: 'Hang up a call',
        tags: ['calls'],
        params: idParams,
        response: { 204: noContent, ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING') },
      },
    },
    (request, reply) => {
      const { id } = request.params
      found(need(context, 'pbx').hangUp(id) || undefined, 'live call', id)
      audit(context, { action: 'call.hangUp', subject: id })
      void reply.status(204).send(null)
    },
  )

  api.get(
    '/api/calls',
    {
      schema: {
        summary: 'The call log, latest first',
        tags: ['calls'],
        querystring: Type.Object({
          before: Type.Optional(Type.Integer({ minimum: 0, description: '`next` of the page before' })),
          limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
        }),
        response: { 200: callPage, ...errors('PART_NOT_RUNNING') },
      },
    },
    (request) => {
      const { callLog } = need(context, 'store')
      const { before, limit } = request.query
      const calls = callLog.list({ ...(before === undefined ? {} : { beforeMs: before }), limit })
      return {
        total: callLog.count(),
        calls: calls.map((call) => viewCall(call, context.parts.store)),
        // More than asked for: calls of the last millisecond come along.
        next: calls.length >= limit ? (calls.at(-1)?.startedAtMs ?? null) : null,
      }
    },
  )

  api.get(
    '/api/trunks',
    {
      schema: {
        summary: 'The trunks and how each of their hosts is',
        tags: ['calls'],
        response: { 200: Type.Object({ trunks: Type.Array(trunkView) }), ...errors('PART_NOT_RUNNING') },
      },
    },
    () => ({ trunks: need(context, 'pbx').trunks().map(viewTrunk) }),
  )
}
