import { ApplianceError } from '#src/base/errors.ts'
import type { Device } from '#src/model/device.ts'
import { Type } from 'typebox'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { removeDevice } from '../remove-device.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import { credentialsView, devicePatch, deviceView, newDevice, type NewDevice } from '../schema/devices.ts'
import { viewCredentials } from '../views/credentials.ts'
import { lookAt, viewDevice, viewDevices } from '../views/devices.ts'

/** Phones and their lines: list, add, rename, remove. */
export function deviceRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/devices',
    {
      schema: {
        summary: 'All phones with their lines, registrations and people',
        tags: ['phones'],
        response: { 200: Type.Object({ devices: Type.Array(deviceView) }), ...errors('PART_NOT_RUNNING') },
      },
    },
    () => ({ devices: viewDevices(lookAt(context)) }),
  )

  api.post(
    '/api/devices',
    {
      schema: {
        summary: 'Add a SIP phone: makes a line with a new username and password',
        tags: ['phones'],
        body: newDevice,
        response: {
          201: Type.Object({ device: deviceView, credentials: credentialsView }),
          ...errors('CONFLICT', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const { device, lineId } = addDevice(context, request.body)
      const credentials = await viewCredentials(context, lineId, request)
      void reply.status(201)
      return { device: viewDevice(device, lookAt(context)), credentials }
    },
  )

  api.patch(
    '/api/devices/:id',
    {
      schema: {
        summary: 'Rename a phone',
        tags: ['phones'],
        params: idParams,
        body: devicePatch,
        response: {
          200: deviceView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request) => {
      const store = need(context, 'store')
      const device = found(store.devices.find(request.params.id), 'phone', request.params.id)
      const renamed: Device = { ...device, label: request.body.label.trim() }
      store.devices.save(renamed)
      audit(context, {
        action: 'device.rename',
        subject: device.id,
        details: { from: device.label, to: renamed.label },
      })
      context.events.publish('devicesChanged', { deviceId: device.id })
      return viewDevice(renamed, lookAt(context))
    },
  )

  api.delete(
    '/api/devices/:id',
    {
      schema: {
        summary: 'Remove a phone, its lines, registrations and sign-ins',
        tags: ['phones'],
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      await removeDevice(context, request.params.id)
      return reply.status(204).send(null)
    },
  )
}

function addDevice(context: ApiContext, body: NewDevice): { device: Device; lineId: string } {
  const store = need(context, 'store')
  const { clock, random } = context.options
  const mac = body.mac?.replace(/[^0-9A-Fa-f]/g, '').toLowerCase()
  const sameMac = mac === undefined ? undefined : store.devices.findByMac(mac)
  if (sameMac) {
    throw new ApplianceError(
      'CONFLICT',
      { field: 'mac', deviceId: sameMac.id },
      { text: `“${sameMac.label}” has this MAC address already.` },
    )
  }
  const createdAtMs = clock.nowMs()
  const label = body.label.trim()
  const device: Device = {
    id: random.token(16),
    kind: 'phone',
    label,
    mac,
    ipei: undefined,
    parentId: undefined,
    vendor: undefined,
    model: undefined,
    firmware: undefined,
    location: undefined,
    state: 'onboarded',
    createdAtMs,
    lastSeenAtMs: undefined,
  }
  const lineId = random.token(16)
  const username = freeUsername(context)
  store.devices.save(device)
  try {
    store.lines.add({ id: lineId, deviceId: device.id, username, label, createdAtMs }, random.password(16))
  } catch (error) {
    store.devices.remove(device.id)
    throw error
  }
  audit(context, { action: 'device.add', subject: device.id, details: { label, username } })
  context.events.publish('devicesChanged', { deviceId: device.id })
  return { device, lineId }
}

/** Starts with letters so that it can never be taken for a number that somebody dials. */
function freeUsername(context: ApiContext): string {
  const { lines } = need(context, 'store')
  for (;;) {
    const username = `bl${context.options.random.digits(6)}`
    if (!lines.findByUsername(username)) return username
  }
}
