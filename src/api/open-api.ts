import swagger from '@fastify/swagger'
import type { Api } from './fastify-types.ts'
import { publicErrors } from './schema/answers.ts'
import { Type } from 'typebox'

/** Collects the routes that follow into one OpenAPI document; call before the routes. */
export async function registerOpenApi(api: Api, version: string): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Branchline',
        version,
        description: 'The setup API of one box. Log in first; the session is a cookie.',
      },
      tags: ['box', 'session', 'phones', 'sign-in', 'people', 'calls', 'settings'].map((name) => ({ name })),
    },
  })
  api.get(
    '/api/openapi.json',
    {
      config: { access: 'public' },
      schema: {
        summary: 'This document',
        tags: ['box'],
        response: { 200: Type.Record(Type.String(), Type.Unknown()), ...publicErrors() },
      },
    },
    () => ({ ...api.swagger() }),
  )
}
