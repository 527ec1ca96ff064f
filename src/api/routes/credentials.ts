import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { idParams } from '../schema/common.ts'
import { credentialsView } from '../schema/devices.ts'
import { viewCredentials } from '../views/credentials.ts'

/** The credentials of a line: shown on request (audited), or made anew. */
export function credentialRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/lines/:id/credentials',
    {
      schema: {
        summary: 'What a phone needs to register, with a one-time setup link; noted in the audit log',
        tags: ['phones'],
        params: idParams,
        response: { 200: credentialsView, ...errors('NOT_FOUND', 'PART_NOT_RUNNING') },
      },
    },
    async (request) => {
      const { lines } = need(context, 'store')
      const line = found(lines.find(request.params.id), 'line', request.params.id)
      audit(context, { action: 'line.credentials', subject: line.id, details: { username: line.username } })
      return viewCredentials(context, line.id, request)
    },
  )

  api.post(
    '/api/lines/:id/password',
    {
      schema: {
        summary: 'Make a new password; phones that use the old one lose their registration',
        tags: ['phones'],
        params: idParams,
        response: {
          200: credentialsView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      const store = need(context, 'store')
      const { clock, random } = context.options
      const line = found(store.lines.find(request.params.id), 'line', request.params.id)
      store.lines.setPassword(line.id, random.password(16))
      // A phone that fetches its files is sent for them while its registration still says where it is.
      context.parts.provisioning?.tellNow(line.deviceId)
      // Whoever knew the old password must not go on receiving calls until the registration runs out.
      await store.bindings.change(line.username, clock.nowMs(), () => [])
      audit(context, { action: 'line.password', subject: line.id, details: { username: line.username } })
      context.events.publish('bindingChanged', {
        lineId: line.id,
        username: line.username,
        registered: false,
      })
      return viewCredentials(context, line.id, request)
    },
  )
}
