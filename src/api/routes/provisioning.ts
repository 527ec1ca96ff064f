import { Type } from 'typebox'
import type { ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { answerCa, answerLink, isFileName } from '../provisioning/answers.ts'
import { answerDevice, sendToDevice } from '../provisioning/device-door.ts'

/** GET /p/:token: sets up one softphone, once. GET /ca.pem: the box's own CA. Both ports answer these. */
export function provisioningRoutes(api: Api, context: ApiContext): void {
  const params = Type.Object({ token: Type.String() })
  api.get('/p/:token', { schema: { hide: true, params } }, async (request, reply) => {
    const file = isFileName(request.params.token) && (await answerDevice(context, request, true))
    if (file) return sendToDevice(request, reply, file)
    const { status, headers, body } = answerLink(context, request.params.token, request.ip)
    return reply.status(status).headers(headers).send(body)
  })
  api.get('/ca.pem', { schema: { hide: true } }, (_request, reply) => {
    const { headers, body } = answerCa(context)
    return reply.headers(headers).send(body)
  })
}
