import type { DectPort } from '#src/dect/ports.ts'
import type { Device } from '#src/model/device.ts'
import { audit, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import {
  dectServersView,
  dectServerView,
  newDectServer,
  subscriptionRequest,
  subscriptionView,
  type DectServerView,
} from '../schema/handsets.ts'
import { lookAt, viewDevice } from '../views/devices.ts'
import { needServer } from './handsets.ts'

const minuteMs = 60_000

/** DECT servers, and the time in which handsets may subscribe to them. */
export function dectServerRoutes(api: Api, context: ApiContext): void {
  const view = (dect: DectPort, device: Device): DectServerView => {
    const handsets = dect.handsets.list(device.id)
    const window = dect.subscription.find(device.id)
    return {
      device: viewDevice(device, lookAt(context)),
      handsets: handsets.length,
      registered: handsets.filter(({ registered }) => registered).length,
      subscription: window ? { openedAtMs: window.openedAtMs, closesAtMs: window.closesAtMs } : null,
    }
  }

  api.get(
    '/api/dect/servers',
    {
      schema: {
        summary: 'All DECT servers, and the models that the box can configure',
        tags: ['dect'],
        response: { 200: dectServersView, ...errors('PART_NOT_RUNNING') },
      },
    },
    () => {
      const dect = need(context, 'dect')
      return {
        servers: dect.servers.list().map((device) => view(dect, device)),
        models: dect.servers.models(),
      }
    },
  )

  api.post(
    '/api/dect/servers',
    {
      schema: {
        summary: 'Add a DECT server by its MAC address',
        tags: ['dect'],
        body: newDectServer,
        response: {
          201: dectServerView,
          ...errors('CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request, reply) => {
      const dect = need(context, 'dect')
      const device = dect.servers.add(request.body)
      audit(context, {
        action: 'dectServer.add',
        subject: device.id,
        details: { label: device.label, mac: device.mac, model: device.model },
      })
      context.events.publish('devicesChanged', { deviceId: device.id })
      void reply.status(201)
      return view(dect, device)
    },
  )

  api.post(
    '/api/devices/:id/subscription',
    {
      schema: {
        summary: 'Let handsets subscribe to a DECT server for some minutes, from now',
        tags: ['dect'],
        params: idParams,
        body: subscriptionRequest,
        response: {
          201: subscriptionView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request, reply) => {
      const { id } = request.params
      const { minutes } = request.body
      const { openedAtMs, closesAtMs } = need(context, 'dect').subscription.open(id, minutes * minuteMs)
      audit(context, { action: 'subscription.open', subject: id, details: { minutes } })
      void reply.status(201)
      return { openedAtMs, closesAtMs }
    },
  )

  api.delete(
    '/api/devices/:id/subscription',
    {
      schema: {
        summary: 'Let no handset subscribe any more',
        tags: ['dect'],
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request, reply) => {
      const { id } = request.params
      const dect = need(context, 'dect')
      needServer(dect, id)
      dect.subscription.close(id)
      audit(context, { action: 'subscription.close', subject: id })
      void reply.status(204).send(null)
    },
  )
}
