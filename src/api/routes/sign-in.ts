import { Type } from 'typebox'
import { ApplianceError } from '#src/base/errors.ts'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import { signInView, type SignInView } from '../schema/devices.ts'

/** Signing a person in on a line by device code, and out again. */
export function signInRoutes(api: Api, context: ApiContext): void {
  const lineId = (id: string): string => found(need(context, 'store').lines.find(id), 'line', id).id

  api.post(
    '/api/lines/:id/signin',
    {
      schema: {
        summary: 'Start the sign-in of a line: answers with the code to enter and where',
        tags: ['sign-in'],
        params: idParams,
        response: {
          202: signInView,
          ...errors('CONFLICT', 'NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'TENANT_UNREACHABLE'),
        },
      },
    },
    async (request, reply) => {
      const id = lineId(request.params.id)
      refuseOffBoarded(context, id)
      const pending = await need(context, 'signIn').begin(id, 'admin')
      audit(context, { action: 'line.signIn.begin', subject: id })
      void reply.status(202)
      return { state: 'awaitingUser' as const, ...pending }
    },
  )

  api.get(
    '/api/lines/:id/signin',
    {
      schema: {
        summary: 'How the sign-in of a line stands; asking never drives it',
        tags: ['sign-in'],
        params: idParams,
        response: { 200: signInView, ...errors('NOT_FOUND', 'PART_NOT_RUNNING') },
      },
    },
    (request) => viewSignIn(context, lineId(request.params.id)),
  )

  api.delete(
    '/api/lines/:id/signin',
    {
      schema: {
        summary: 'Cancel a sign-in that waits for its code',
        tags: ['sign-in'],
        params: idParams,
        response: { 204: noContent, ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING') },
      },
    },
    (request, reply) => {
      need(context, 'signIn').cancel(lineId(request.params.id))
      void reply.status(204).send(null)
    },
  )

  api.post(
    '/api/lines/:id/signout',
    {
      schema: {
        summary: 'Sign the person out of a line',
        tags: ['sign-in'],
        params: idParams,
        response: {
          200: Type.Object({ signedOut: Type.Boolean({ description: 'False: nobody was signed in' }) }),
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      const id = lineId(request.params.id)
      return { signedOut: await need(context, 'signIn').signOut(id, 'admin') }
    },
  )
}

/** What was saved counts after a restart, when the sign-in side remembers nothing. */
function viewSignIn(context: ApiContext, lineId: string): SignInView {
  const status = context.parts.signIn?.status(lineId)
  if (status) return status
  const saved = need(context, 'store').signIns.forLine(lineId)
  return saved ? { state: 'signedIn', userId: saved.userId } : { state: 'none' }
}

/** A person signed in on a device that may not register would wait for calls that cannot come. */
function refuseOffBoarded(context: ApiContext, lineId: string): void {
  const store = need(context, 'store')
  const device = store.devices.find(store.lines.find(lineId)?.deviceId ?? '')
  if (device?.state !== 'off-boarded') return
  throw new ApplianceError(
    'CONFLICT',
    { deviceId: device.id },
    { text: `“${device.label}” was off-boarded: bring it back first.` },
  )
}
