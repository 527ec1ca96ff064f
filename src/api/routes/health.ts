import type { ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { publicErrors } from '../schema/answers.ts'
import { healthView } from '../schema/health.ts'
import { viewHealth } from '../views/health.ts'

/** GET /api/health: public, and answered from memory at any time, also while the box starts. */
export function healthRoute(api: Api, context: ApiContext): void {
  api.get(
    '/api/health',
    {
      config: { access: 'public', rateLimit: false },
      schema: {
        summary: 'How the box and each of its parts are',
        tags: ['box'],
        response: { 200: healthView, ...publicErrors() },
      },
    },
    () => viewHealth(context),
  )
}
