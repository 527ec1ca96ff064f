import Fastify, { type FastifyInstance } from 'fastify'
import { formatEndpoint } from '#src/base/net.ts'
import type { ApiContext } from './context.ts'
import { reachedHost } from './reached-host.ts'
import { answerCa, answerLink } from './provisioning/answers.ts'

/** Builds the plain HTTP side: the CA, one-time links for phones, and the way to the HTTPS page. */
export function buildHttpDoor(context: ApiContext): FastifyInstance {
  const app = Fastify({
    bodyLimit: 1024,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    return503OnClosing: false,
  })
  app.setErrorHandler((error: Error, _request, reply) => {
    context.options.logger.error({ err: error }, 'a request to the HTTP port failed unexpectedly')
    void reply
      .status(500)
      .type('text/plain')
      .send('Something went wrong in the box; the log has the details.\n')
  })
  app.get<{ Params: { token: string } }>('/p/:token', (request, reply) => {
    const { status, headers, body } = answerLink(context, request.params.token, request.ip)
    return reply.status(status).headers(headers).send(body)
  })
  app.get('/ca.pem', (_request, reply) => {
    const { headers, body } = answerCa(context)
    return reply.headers(headers).send(body)
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.startsWith('/') ? request.url : '/'
    const target = `https://${formatEndpoint(reachedHost(request), context.ports.https)}${path}`
    return reply.redirect(target, 308)
  })
  return app
}
