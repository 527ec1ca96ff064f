import { need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import { offBoardedListView } from '../schema/enrolments.ts'
import { viewOffBoarded } from '../views/enrolments.ts'

const tags = ['phones']

/** Devices that were off-boarded, by the clock or by the admin, and their way back. */
export function offBoardingRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/off-boarded',
    {
      schema: {
        summary: 'Devices that are off-boarded, since when and why',
        tags,
        response: { 200: offBoardedListView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => {
      const onboarding = need(context, 'onboarding')
      const store = need(context, 'store')
      return {
        devices: onboarding.offBoarded().map((each) => viewOffBoarded(each, store)),
        ...onboarding.staleDays(),
      }
    },
  )

  api.post(
    '/api/devices/:id/off-board',
    {
      schema: {
        summary:
          'Off-board a device now: sign-in, registration and credentials go; of a DECT server its handsets too',
        tags,
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const store = need(context, 'store')
      for (const line of store.lines.listByDevice(id)) context.links.revoke(line.id)
      await need(context, 'onboarding').offBoard(id, 'admin')
      return reply.status(204).send(null)
    },
  )

  api.post(
    '/api/devices/:id/bring-back',
    {
      schema: {
        summary: 'Take an off-boarded device back: it gets new credentials, nobody is signed in',
        tags,
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request, reply) => {
      need(context, 'onboarding').bringBack(request.params.id, 'admin')
      void reply.status(204).send(null)
    },
  )
}
