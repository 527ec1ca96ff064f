import { Type } from 'typebox'
import { ApplianceError } from '#src/base/errors.ts'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import type { ApiStore } from '../ports.ts'
import { errors } from '../schema/answers.ts'
import type { PartyView } from '../schema/calls.ts'
import { idParams } from '../schema/common.ts'
import { ladderView } from '../schema/traces.ts'
import type { TracedMessage } from '../traces-port.ts'
import { viewParty } from '../views/calls.ts'
import { viewLadder, viewOutside } from '../views/traces.ts'

const limitQuery = Type.Integer({ minimum: 1, maximum: 1000, default: 400 })

/** The SIP messages of calls, as a ladder and as a file, and those outside calls. */
export function traceRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/calls/:id/messages',
    {
      schema: {
        summary: 'The SIP messages of a call, secrets masked, oldest first',
        tags: ['calls'],
        params: idParams,
        querystring: Type.Object({ limit: limitQuery }),
        response: { 200: ladderView, ...errors('NOT_FOUND', 'PART_NOT_RUNNING') },
      },
    },
    (request) => {
      const legs = kept(need(context, 'traces').ofCall(request.params.id), request.params.id)
      return viewLadder(legs, request.query.limit, context.parts.store)
    },
  )

  api.get(
    '/api/calls/:id/messages.pcapng',
    {
      schema: {
        summary: 'The SIP messages of a call as a capture for Wireshark',
        tags: ['calls'],
        params: idParams,
        querystring: Type.Object({
          keys: Type.Boolean({ default: false, description: 'With the keys of SRTP; noted in the history' }),
        }),
        response: {
          200: {
            description: 'A pcapng file',
            content: { 'application/x-pcapng': { schema: Type.Unknown() } },
          },
          ...errors('NOT_FOUND', 'PART_NOT_RUNNING'),
        },
      },
    },
    (request, reply) => {
      const { id } = request.params
      const { keys } = request.query
      const bytes = kept(need(context, 'traces').captureOf(id, { sdpKeys: keys }), id)
      audit(context, { action: 'call.capture', subject: id, details: { keys } })
      const name = `call-${id.replace(/[^A-Za-z0-9]/g, '').slice(0, 40)}.pcapng`
      void reply.type('application/x-pcapng').header('content-disposition', `attachment; filename="${name}"`)
      return reply.send(bytes)
    },
  )

  api.get(
    '/api/messages',
    {
      schema: {
        summary: 'The latest SIP messages outside calls, secrets masked, of a device or of everybody',
        tags: ['calls'],
        querystring: Type.Object({
          device: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
          limit: limitQuery,
        }),
        response: { 200: ladderView, ...errors('NOT_FOUND', 'PART_NOT_RUNNING') },
      },
    },
    (request) => {
      const { device, limit } = request.query
      const store = need(context, 'store')
      const of = device === undefined ? undefined : flowsOf(device, store, context.options.clock.nowMs())
      const messages = need(context, 'traces').outside(limit, of)
      return viewOutside(messages, limit, partiesByAddress(store, context.options.clock.nowMs()))
    },
  )
}

function kept<Thing>(thing: Thing | undefined, id: string): Thing {
  if (thing !== undefined) return thing
  throw new ApplianceError(
    'NOT_FOUND',
    { id },
    {
      text: 'The signalling of this call is not kept any more.',
      advice: 'It lives in memory until newer calls need the room, and never survives a restart of the box.',
    },
  )
}

function flowsOf(
  deviceId: string,
  store: ApiStore,
  nowMs: number,
): { peers: { host: string; port: number }[]; users: string[] } {
  const device = found(store.devices.find(deviceId), 'phone', deviceId)
  const users = store.lines.listByDevice(device.id).map(({ username }) => username)
  const peers = users.flatMap((user) => store.bindings.find(user, nowMs).map(({ flow }) => flow))
  return { peers, users }
}

/** Says which line is registered from where. */
function partiesByAddress(store: ApiStore, nowMs: number): (message: TracedMessage) => PartyView | null {
  const users = new Map<string, string>()
  for (const { aor, flow } of store.bindings.all(nowMs)) users.set(`${flow.host} ${flow.port}`, aor)
  const parties = new Map<string, PartyView | null>()
  return ({ flow }) => {
    const user = users.get(`${flow.remoteHost} ${flow.remotePort}`)
    if (user === undefined) return null
    let party = parties.get(user)
    if (party === undefined) {
      const line = store.lines.findByUsername(user)
      party = line
        ? viewParty({ kind: 'line', id: line.id, number: user, displayName: undefined }, store)
        : null
      parties.set(user, party)
    }
    return party
  }
}
