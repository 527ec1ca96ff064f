import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `public` = without login; everything else under /api needs a session. */
    access?: 'public'
  }
}

/** The HTTPS server of the setup page: bodies, parameters and answers are typed by their schemas. */
export type Api = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
