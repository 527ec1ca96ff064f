import { secondsToMs } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import { adoptionWindowView, allowAgainBody, foundDevicesView, openWindow } from '../schema/found-devices.ts'
import { viewFoundDevices } from '../views/found-devices.ts'

const actor = 'admin'
const tags = ['found phones']

/** Phones that asked for their configuration: who they are, and whether they become phones of this box. */
export function foundDeviceRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/found-devices',
    {
      schema: {
        summary: 'Phones that nobody has adopted, the adoption window, and refused requests',
        tags,
        response: { 200: foundDevicesView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () =>
      viewFoundDevices(
        need(context, 'provisioning').found,
        need(context, 'store'),
        context.options.clock.nowMs(),
      ),
  )

  api.post(
    '/api/found-devices/:id/adopt',
    {
      schema: {
        summary: 'Adopt a found phone: somebody vouches for it',
        tags,
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const device = deviceOf(context, request.params.id)
      if (!need(context, 'provisioning').found.adopt(device.id, actor)) {
        throw new ApplianceError(
          'CONFLICT',
          { state: device.state },
          { text: `“${device.label}” is adopted already.` },
        )
      }
      return reply.status(204).send(null)
    },
  )

  api.post(
    '/api/devices/:id/allow-again',
    {
      schema: {
        summary: 'Let a phone that was reset fetch its configuration as if it were new',
        description: 'Signs out whoever is signed in on it and draws new passwords.',
        tags,
        params: idParams,
        body: allowAgainBody,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const device = deviceOf(context, request.params.id)
      for (const { id } of need(context, 'store').lines.listByDevice(device.id)) context.links.revoke(id)
      if (!(await need(context, 'provisioning').found.allowAgain(device.id, actor, request.body.from))) {
        throw new ApplianceError(
          'CONFLICT',
          { state: device.state },
          { text: `“${device.label}” is not configured by this box.` },
        )
      }
      return reply.status(204).send(null)
    },
  )

  api.post(
    '/api/adoption-window',
    {
      schema: {
        summary: 'Adopt what is found, and every phone that asks in the next minutes',
        tags,
        body: openWindow,
        response: {
          200: adoptionWindowView,
          ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request) =>
      need(context, 'provisioning').found.window.open(secondsToMs(60 * request.body.minutes), actor),
  )

  api.delete(
    '/api/adoption-window',
    {
      schema: {
        summary: 'Stop adopting phones unseen',
        tags,
        response: { 204: noContent, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    async (_request, reply) => {
      need(context, 'provisioning').found.window.close(actor)
      return reply.status(204).send(null)
    },
  )
}

function deviceOf(context: ApiContext, id: string): { id: string; label: string; state: string } {
  return found(need(context, 'store').devices.find(id), 'phone', id)
}
