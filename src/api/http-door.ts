import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { formatEndpoint } from '#src/base/net.ts'
import { limitConnections, requestTimes } from './connection-limits.ts'
import type { ApiContext } from './context.ts'
import { reachedHost } from './reached-host.ts'
import { answerCa, answerLink, isFileName } from './provisioning/answers.ts'
import { answerDevice, sendToDevice, serveDevices } from './provisioning/device-door.ts'

/** Builds the plain HTTP side: the CA, one-time links for phones, and the way to the HTTPS page. */
export function buildHttpDoor(context: ApiContext): FastifyInstance {
  const replyToFailure = (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void => {
    const status = error.statusCode ?? 500
    void reply.status(status).type('text/plain; charset=utf-8')
    if (status < 500) {
      // Whatever a stranger sends here is no defect of the box, and must not be able to fill its log.
      void reply.send('The request is not valid.\n')
      return
    }
    context.options.logger.error({ err: error }, 'a request to the HTTP port failed unexpectedly')
    void reply.send('Something went wrong in the box; the log has the details.\n')
  }
  const app = Fastify({
    http: requestTimes,
    requestTimeout: requestTimes.requestTimeout,
    bodyLimit: 1024,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    frameworkErrors: replyToFailure,
  })
  limitConnections(app.server)
  app.setErrorHandler(replyToFailure)
  serveDevices(app, context, false)
  app.get<{ Params: { token: string } }>('/p/:token', async (request, reply) => {
    const file = isFileName(request.params.token) && (await answerDevice(context, request, false))
    if (file) return sendToDevice(request, reply, file)
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
