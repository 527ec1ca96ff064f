import { Type } from 'typebox'
import type { ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { answerCa, answerLink } from '../provisioning/answers.ts'

/** GET /p/:token: sets up one softphone, once. GET /ca.pem: the box's own CA. Both ports answer these. */
export function provisioningRoutes(api: Api, context: ApiContext): void {
  const params = Type.Object({ token: Type.String() })
  api.get('/p/:token', { schema: { hide: true, params } }, (request, reply) => {
    const { status, headers, body } = answerLink(context, request.params.token, request.ip)
    return reply.status(status).headers(headers).send(body)
  })
  api.get('/ca.pem', { schema: { hide: true } }, (_request, reply) => {
    const { headers, body } = answerCa(context)
    return reply.headers(headers).send(body)
  })
}
