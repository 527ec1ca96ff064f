import fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { ApplianceError, errorTable, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { CertificateAndKey } from './teams-edge-port.ts'

/** A TLS server that has its port and serves nothing yet. */
export interface BoundServer {
  server: Server
  port: number
}

const maxBodyBytes = 64 * 1024
const requestTimes = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 }

/**
 * Binds the port before anything is built on it, because Entra's answers carry the server's own address.
 * A taken port is LAB_FAILED with `exactPort`; otherwise any free one is taken, and the log says so.
 */
export async function bindServer(options: {
  host: string
  port: number
  exactPort: boolean
  certificate: CertificateAndKey
  logger: Logger
}): Promise<BoundServer> {
  const { host, port, exactPort, certificate, logger } = options
  const tls = {
    cert: certificate.certificatePem,
    key: certificate.keyPem,
    minVersion: 'TLSv1.2' as const,
    ...requestTimes,
  }
  try {
    return await bind(createServer(tls), host, port)
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (!taken || exactPort) throw new ApplianceError('LAB_FAILED', { host, port }, { cause: error })
  }
  try {
    const bound = await bind(createServer(tls), host, 0)
    logger.warn({ wantedPort: port, port: bound.port }, 'the HTTPS port is taken, using another one')
    return bound
  } catch (error) {
    throw new ApplianceError('LAB_FAILED', { host }, { cause: error })
  }
}

async function bind(server: Server, host: string, port: number): Promise<BoundServer> {
  server.listen(port, host)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** Builds the application on a bound server; closing the application closes the server and its connections. */
export async function serveOn(
  { server, port }: BoundServer,
  logger: Logger,
  register: (app: FastifyInstance) => void,
): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: maxBodyBytes,
    // Fastify's default drops unknown fields while it tries the members of a union, and so breaks the right one.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    serverFactory: (handler) => server.on('request', handler),
  })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: maxBodyBytes },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body.toString()))),
  )
  app.addHook('onRequest', async (request, reply) => {
    // A page of somebody else that is open in the same browser must not approve codes or place calls.
    const { origin, host } = request.headers
    if (request.method !== 'GET' && origin !== undefined && origin !== `https://${host}`) {
      return reply.code(403).send({ code: 'INVALID', text: 'This page is not of the lab.' })
    }
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-branchline-lab', 'true')
    reply.header('x-content-type-options', 'nosniff')
    // Not no-referrer: with it a browser sends "Origin: null" with our own form.
    reply.header('referrer-policy', 'same-origin')
    reply.header(
      'content-security-policy',
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
  })
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof ApplianceError) {
      return reply.code(error.httpStatus).send({ code: error.code, text: error.message })
    }
    const status = statusOf(error)
    if (status >= 500) logger.error({ err: error, url: request.url }, 'a request failed')
    const text = status >= 500 ? errorTable.INTERNAL.text : errorText(error)
    return reply.code(status).send({ code: status >= 500 ? 'INTERNAL' : 'INVALID', text })
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: 'NOT_FOUND', text: errorTable.NOT_FOUND.text }),
  )
  app.addHook('onClose', async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  register(app)
  await app.ready()
  logger.info({ port }, 'HTTPS server is up')
  return app
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 ? status : 500
}
