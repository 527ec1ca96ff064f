import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyRequest } from 'fastify'
import { ApplianceError } from '#src/base/errors.ts'
import { isSameOrigin } from './auth/same-origin.ts'
import { limitConnections, requestTimes } from './connection-limits.ts'
import type { ApiContext } from './context.ts'
import { replyWithError, errorBody } from './error-reply.ts'
import type { Api } from './fastify-types.ts'
import { registerOpenApi } from './open-api.ts'
import { registerPage } from './page-files.ts'
import { serveDevices } from './provisioning/device-door.ts'
import { banRoutes } from './routes/bans.ts'
import { callRoutes } from './routes/calls.ts'
import { certificateRoutes } from './routes/certificate.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { dectServerRoutes } from './routes/dect-servers.ts'
import { deviceRoutes } from './routes/devices.ts'
import { enrolmentRoutes } from './routes/enrolments.ts'
import { eventsRoute } from './routes/events.ts'
import { foundDeviceRoutes } from './routes/found-devices.ts'
import { handsetRoutes } from './routes/handsets.ts'
import { healthRoute } from './routes/health.ts'
import { hostRoutes } from './routes/host.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { networkRoutes } from './routes/network.ts'
import { offBoardingRoutes } from './routes/off-boarding.ts'
import { peopleRoutes } from './routes/people.ts'
import { provisioningRoutes } from './routes/provisioning.ts'
import { cookieName, sessionRoutes } from './routes/session.ts'
import { settingsRoutes } from './routes/settings.ts'
import { setupRoutes } from './routes/setup.ts'
import { setupTenantRoutes } from './routes/setup-tenant.ts'
import { signInRoutes } from './routes/sign-in.ts'
import { countersRoute } from './routes/counters.ts'
import { statusRoute } from './routes/status.ts'
import { traceRoutes } from './routes/traces.ts'
import { securityHeaders } from './security-headers.ts'
import { validatorCompiler } from './validation.ts'

const bodyLimitBytes = 64 * 1024
const requestsPerMinute = 1_200
const readMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Builds the HTTPS side: guards first, then one file per noun. Not listening yet. */
export async function buildApp(context: ApiContext): Promise<Api> {
  const { certificate, logger } = context.options
  const app: Api = Fastify({
    https: {
      cert: certificate.certPem,
      key: certificate.keyPem,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 10_000,
      ...requestTimes,
    },
    requestTimeout: requestTimes.requestTimeout,
    frameworkErrors: replyWithError(logger),
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // A page that asks while the box stops gets its answer; new connections are refused by the closed port.
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>()

  limitConnections(app.server)
  app.setValidatorCompiler(validatorCompiler)
  app.setErrorHandler(replyWithError(logger))
  await app.register(cookie)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(securityHeaders)
    if (isApiRoute(request)) void reply.header('cache-control', 'no-store')
  })
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) =>
      new ApplianceError('TOO_MANY_TRIES', { retryAfterS: Math.ceil(ttl / 1000) }),
  })
  app.addHook('onRequest', async (request) => guard(context, request))
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request
    // The route's pattern, not the address: a one-time link must not end up in a log.
    const fields = { method, route: routeOptions.url, status: reply.statusCode, from: request.ip }
    logger.debug({ ...fields, elapsedMs: Math.round(reply.elapsedTime) }, 'answered')
  })
  serveDevices(app, context, true)
  app.setNotFoundHandler((_request, reply) => {
    const error = new ApplianceError('NOT_FOUND')
    return reply.status(404).send(errorBody(error))
  })

  await registerOpenApi(app, context.options.health().version)
  for (const routes of [
    healthRoute,
    sessionRoutes,
    statusRoute,
    countersRoute,
    metricsRoutes,
    deviceRoutes,
    dectServerRoutes,
    handsetRoutes,
    foundDeviceRoutes,
    enrolmentRoutes,
    offBoardingRoutes,
    credentialRoutes,
    signInRoutes,
    peopleRoutes,
    callRoutes,
    traceRoutes,
    settingsRoutes,
    banRoutes,
    setupRoutes,
    setupTenantRoutes,
    certificateRoutes,
    networkRoutes,
    hostRoutes,
    eventsRoute,
    provisioningRoutes,
  ]) {
    routes(app, context)
  }
  await registerPage(app, context.options.webRoot)
  return app
}

/** Judged by the matched route, never by the address as sent: `/%61pi/devices` is the same route. */
function isApiRoute(request: FastifyRequest): boolean {
  return request.routeOptions.url?.startsWith('/api/') ?? false
}

function guard(context: ApiContext, request: FastifyRequest): void {
  if (!isApiRoute(request)) return
  if (!readMethods.has(request.method) && !isSameOrigin(request.headers)) {
    throw new ApplianceError('ORIGIN_REFUSED')
  }
  if (request.routeOptions.config.access === 'public') return
  if (!context.sessions.isLive(request.cookies[cookieName], true)) throw new ApplianceError('UNAUTHENTICATED')
}
