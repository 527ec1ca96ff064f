import { Type } from 'typebox'
import { need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'

/** GET /api/counters: everything the box counts, by dotted name, for support and for tests that look for leaks. */
export function countersRoute(api: Api, context: ApiContext): void {
  api.get(
    '/api/counters',
    {
      schema: {
        summary: 'Everything the box has counted since its start, and what is alive now',
        tags: ['box'],
        response: { 200: Type.Record(Type.String(), Type.Number()), ...errors('PART_NOT_RUNNING') },
      },
    },
    () => need(context, 'counters').read(),
  )
}
