import { Type } from 'typebox'
import { ApplianceError } from '#src/base/errors.ts'
import { settingsSchema } from '#src/model/settings.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { auditPage, restarting, settingsChanged, settingsView } from '../schema/settings.ts'
import { viewSettings } from '../views/settings.ts'

/** Settings with optimistic locking, and the audit log. */
export function settingsRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/settings',
    {
      schema: {
        summary: 'All settings with title, limits, default and value; secrets are never shown',
        tags: ['settings'],
        response: { 200: settingsView, ...errors('PART_NOT_RUNNING') },
      },
    },
    (_request, reply) => {
      const { document, effective, etag, ...state } = need(context, 'settings').read()
      void reply.header('etag', `"${etag}"`)
      return { etag, fields: viewSettings(settingsSchema, document, effective), ...state }
    },
  )

  api.patch(
    '/api/settings',
    {
      schema: {
        summary: 'Change settings (JSON merge patch; null takes a value back to its default); needs If-Match',
        tags: ['settings'],
        headers: Type.Object({ 'if-match': Type.Optional(Type.String({ maxLength: 200 })) }),
        body: Type.Record(Type.String(), Type.Unknown()),
        response: {
          200: settingsChanged,
          ...errors(
            'CONFIG_INVALID',
            'CONFLICT',
            'PRECONDITION_MISSING',
            'ORIGIN_REFUSED',
            'PART_NOT_RUNNING',
          ),
        },
      },
    },
    async (request, reply) => {
      const ifMatch = request.headers['if-match']
      if (ifMatch === undefined) throw new ApplianceError('PRECONDITION_MISSING')
      const settings = need(context, 'settings')
      const changed = await settings.change(request.body, ifMatch.replace(/^(?:W\/)?"(.*)"$/, '$1'))
      audit(context, {
        action: 'settings.change',
        subject: 'settings',
        // The names only: a value may be a secret.
        details: { fields: leafPaths(request.body), pendingRestart: changed.pendingRestart },
      })
      context.events.publish('settingsChanged', { etag: changed.etag })
      void reply.header('etag', `"${changed.etag}"`)
      return changed
    },
  )

  api.post(
    '/api/restart',
    {
      schema: {
        summary:
          'Restart the box: calls that go on get the settable time to end, then everything starts anew',
        tags: ['box'],
        response: { 202: restarting, ...errors('ORIGIN_REFUSED') },
      },
    },
    (_request, reply) => {
      audit(context, { action: 'box.restart', subject: 'box' })
      // After the answer: stopping takes the page's connections along.
      reply.raw.once('finish', () => context.options.restart())
      void reply.status(202)
      return { liveCalls: context.parts.pbx?.liveCalls().length ?? 0 }
    },
  )

  api.get(
    '/api/audit',
    {
      schema: {
        summary: 'Who did what on the box, latest first',
        tags: ['settings'],
        querystring: Type.Object({
          before: Type.Optional(Type.Integer({ minimum: 0, description: '`next` of the page before' })),
          limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
        }),
        response: { 200: auditPage, ...errors('PART_NOT_RUNNING') },
      },
    },
    (request) => {
      const { before, limit } = request.query
      const entries = need(context, 'store').audit.list({
        ...(before === undefined ? {} : { beforeId: before }),
        limit,
      })
      return { entries, next: entries.length === limit ? (entries.at(-1)?.id ?? null) : null }
    },
  )
}

function leafPaths(patch: Record<string, unknown>, above = ''): string[] {
  return Object.entries(patch).flatMap(([name, value]) => {
    const path = above === '' ? name : `${above}.${name}`
    const inner = typeof value === 'object' && value !== null && !Array.isArray(value)
    return inner ? leafPaths(value as Record<string, unknown>, path) : [path]
  })
}
