import { ApplianceError } from '#src/base/errors.ts'
import { formatIpei } from '#src/model/ipei.ts'
import type { DectPort, Handset, NewHandset } from '#src/dect/ports.ts'
import { readHandsetCsv } from '#src/dect/read-handset-csv.ts'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import { removeDevice } from '../remove-device.ts'
import { errors } from '../schema/answers.ts'
import { idParams, noContent } from '../schema/common.ts'
import {
  accessCodeView,
  handsetCsv,
  handsetPatch,
  handsetsView,
  handsetView,
  newHandsets,
  type HandsetView,
} from '../schema/handsets.ts'
import { lookAt, viewDevice } from '../views/devices.ts'

/** The handsets behind a DECT server: list, add, rename, remove. */
export function handsetRoutes(api: Api, context: ApiContext): void {
  const view = (handset: Handset): HandsetView => ({
    device: viewDevice(handset.device, lookAt(context)),
    ipei: formatIpei(handset.device.ipei ?? ''),
    extension: handset.extension ?? null,
    state: handset.state,
  })

  const add = async (serverId: string, handsets: readonly NewHandset[]): Promise<HandsetView[]> => {
    const added = await need(context, 'dect').handsets.add(serverId, handsets)
    for (const { device } of added) {
      const details = { label: device.label, ipei: device.ipei, serverId }
      audit(context, { action: 'handset.add', subject: device.id, details })
    }
    context.events.publish('devicesChanged', { deviceId: serverId })
    return added.map(view)
  }

  api.get(
    '/api/devices/:id/handsets',
    {
      schema: {
        summary: 'The handsets behind a DECT server',
        tags: ['dect'],
        params: idParams,
        response: { 200: handsetsView, ...errors('NOT_FOUND', 'PART_NOT_RUNNING') },
      },
    },
    (request) => {
      const dect = need(context, 'dect')
      needServer(dect, request.params.id)
      return { handsets: dect.handsets.list(request.params.id).map(view) }
    },
  )

  api.post(
    '/api/devices/:id/handsets',
    {
      schema: {
        summary: 'Add handsets, all or none; what is wrong is told per row in details.problems',
        tags: ['dect'],
        params: idParams,
        body: newHandsets,
        response: {
          201: handsetsView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const handsets = await add(request.params.id, request.body.handsets)
      void reply.status(201)
      return { handsets }
    },
  )

  api.post(
    '/api/devices/:id/handsets/csv',
    {
      schema: {
        summary:
          'Add handsets from a pasted list, all or none; what is wrong is told per row in details.problems',
        tags: ['dect'],
        params: idParams,
        body: handsetCsv,
        response: {
          201: handsetsView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const { handsets, problems } = readHandsetCsv(request.body.text)
      const [first] = problems
      if (first)
        throw new ApplianceError('INVALID', { problems }, { text: `Row ${first.row}: ${first.text}` })
      const added = await add(request.params.id, handsets)
      void reply.status(201)
      return { handsets: added }
    },
  )

  api.patch(
    '/api/handsets/:id',
    {
      schema: {
        summary: 'Give a handset another name and extension',
        tags: ['dect'],
        params: idParams,
        body: handsetPatch,
        response: {
          200: handsetView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    (request) => {
      const { label, extension } = request.body
      const to = { label, extension: extension ?? undefined }
      const handset = need(context, 'dect').handsets.rename(request.params.id, to)
      audit(context, { action: 'handset.rename', subject: handset.device.id, details: to })
      context.events.publish('devicesChanged', { deviceId: handset.device.id })
      return view(handset)
    },
  )

  api.delete(
    '/api/handsets/:id',
    {
      schema: {
        summary: 'Remove a handset: it is refused from now on and its call ends; no other handset is touched',
        tags: ['dect'],
        params: idParams,
        response: {
          204: noContent,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      need(context, 'dect')
      const { devices, lines } = need(context, 'store')
      const device = devices.find(id)
      found(device?.kind === 'dect-handset' ? device : undefined, 'handset', id)
      const lineIds = lines.listByDevice(id).map((line) => line.id)
      await removeDevice(context, id)
      endCalls(context, lineIds)
      return reply.status(204).send(null)
    },
  )

  api.get(
    '/api/handsets/:id/access-code',
    {
      schema: {
        summary: 'What is typed on a handset when it subscribes; noted in the audit log',
        tags: ['dect'],
        params: idParams,
        response: { 200: accessCodeView, ...errors('NOT_FOUND', 'PART_NOT_RUNNING') },
      },
    },
    (request) => {
      const { id } = request.params
      const accessCode = need(context, 'dect').handsets.accessCode(id)
      audit(context, { action: 'handset.accessCode', subject: id })
      const ipei = formatIpei(need(context, 'store').devices.find(id)?.ipei ?? '')
      return { ipei, accessCode }
    },
  )
}

/** The server among those that there are, or NOT_FOUND. */
export function needServer(dect: DectPort, id: string): void {
  if (dect.servers.list().some((server) => server.id === id)) return
  throw new ApplianceError(
    'NOT_FOUND',
    { id },
    { text: 'There is no such DECT server; it may have been removed.' },
  )
}

// Whoever holds a handset that was removed, perhaps because it was stolen, speaks for nobody any more. A call that
// merely rings on it goes on ringing elsewhere.
function endCalls({ parts: { pbx } }: ApiContext, lineIds: readonly string[]): void {
  for (const call of pbx?.liveCalls() ?? []) {
    const answeredHere = call.state === 'answered' && call.callees.some(({ id }) => lineIds.includes(id))
    if (lineIds.includes(call.caller.id) || answeredHere) pbx?.hangUp(call.id)
  }
}
