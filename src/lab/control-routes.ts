import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type, type Static } from 'typebox'
import type { LabAccounts } from './accounts.ts'
import { personView, type PersonView } from './person-view.ts'
import type { TeamsEdge } from './teams-edge-port.ts'

/** What the control API works with. */
export interface ControlParts {
  accounts: LabAccounts
  edge: TeamsEdge
}

const number = Type.String({ pattern: '^\\+[1-9][0-9]{1,14}$' })
const numberParams = Type.Object({ number })
const keyParams = Type.Object({ key: Type.String({ maxLength: 32 }) })
const callParams = Type.Object({ callId: Type.String({ minLength: 1, maxLength: 256 }) })

const afterMs = Type.Integer({ minimum: 0, maximum: 120_000 })
const closed = { additionalProperties: false }
const behaviourBody = Type.Union([
  Type.Object({ answer: Type.Literal('never') }, closed),
  Type.Object({ answer: Type.Literal('busy') }, closed),
  Type.Object({ answer: Type.Literal('callsBack'), afterMs }, closed),
  Type.Object(
    {
      answer: Type.Literal('afterMs'),
      afterMs,
      audio: Type.Union([Type.Literal('greeting'), Type.Literal('echo')]),
    },
    closed,
  ),
  Type.Object(
    {
      answer: Type.Literal('afterMs'),
      afterMs,
      audio: Type.Literal('tone'),
      toneHz: Type.Integer({ minimum: 50, maximum: 3800 }),
    },
    closed,
  ),
])
const accountBody = Type.Partial(
  Type.Object({ enabled: Type.Boolean(), licensed: Type.Boolean(), numberAssigned: Type.Boolean() }, closed),
)
// The callee may be anything a Teams user can dial, so that refusals by the box can be tried.
const callBody = Type.Object({ from: number, to: Type.String({ pattern: '^\\+?[0-9*#]{1,32}$' }) }, closed)

/** Registers the control API under /lab: for tests and for the box's lab page. Nothing here is Microsoft's. */
export function registerControl(app: FastifyInstance, parts: ControlParts): void {
  const { accounts, edge } = parts
  const view = (key: string): PersonView | undefined => {
    const account = accounts.list().find((one) => one.key === key)
    return account && personView(account, edge)
  }
  const missing = (reply: FastifyReply, text: string): FastifyReply =>
    reply.code(404).send({ code: 'NOT_FOUND', text })

  app.get('/lab/people', () => accounts.list().map((account) => personView(account, edge)))

  app.put<{ Params: Static<typeof numberParams>; Body: Static<typeof behaviourBody> }>(
    '/lab/people/:number/behaviour',
    { schema: { params: numberParams, body: behaviourBody } },
    (request, reply) =>
      edge.setBehaviour(request.params.number, request.body)
        ? reply.send(edge.behaviour(request.params.number))
        : missing(reply, 'No Teams client of the lab has this number.'),
  )

  app.put<{ Params: Static<typeof keyParams>; Body: Static<typeof accountBody> }>(
    '/lab/accounts/:key',
    { schema: { params: keyParams, body: accountBody } },
    (request, reply) =>
      accounts.change(request.params.key, request.body)
        ? reply.send(view(request.params.key))
        : missing(reply, 'The lab has no such person.'),
  )

  app.get('/lab/calls', () => edge.calls())

  app.post<{ Body: Static<typeof callBody> }>(
    '/lab/calls',
    { schema: { body: callBody } },
    async (request, reply) => {
      const { from, to } = request.body
      if (edge.behaviour(from) === undefined)
        return missing(reply, 'No Teams client of the lab has this number.')
      return reply.code(201).send(await edge.placeCall({ from, to }))
    },
  )

  app.delete<{ Params: Static<typeof callParams> }>(
    '/lab/calls/:callId',
    { schema: { params: callParams } },
    (request, reply) =>
      edge.hangUp(request.params.callId) ? reply.code(204).send() : missing(reply, 'This call is over.'),
  )
}
