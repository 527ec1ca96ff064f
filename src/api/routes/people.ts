import { ApplianceError } from '#src/base/errors.ts'
import type { CallingPolicy } from '#src/model/calling-policy.ts'
import { audit, found, need, type ApiContext } from '../context.ts'
import type { Api } from '../fastify-types.ts'
import type { LabPerson } from '../ports.ts'
import { errors } from '../schema/answers.ts'
import { idParams } from '../schema/common.ts'
import { labView, peopleView, policyView, type PolicyView } from '../schema/people.ts'
import { viewPeople, viewPolicy } from '../views/people.ts'

/** People, what their calling policy allows, and the lab's cast. */
export function peopleRoutes(api: Api, context: ApiContext): void {
  api.get(
    '/api/people',
    {
      schema: {
        summary: 'People the box knows, their phones and calling policies',
        tags: ['people'],
        response: { 200: peopleView, ...errors('PART_NOT_RUNNING') },
      },
    },
    async () => viewPeople(need(context, 'store'), await labPeople(context), context.options.clock.nowMs()),
  )

  api.put(
    '/api/policy',
    {
      schema: {
        summary: 'Change the Global calling policy: of everybody without one of their own',
        tags: ['people'],
        body: policyView,
        response: { 200: policyView, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    (request) => savePolicy(context, { scope: 'Global', ...request.body }),
  )

  api.put(
    '/api/people/:id/policy',
    {
      schema: {
        summary: 'Give a person a calling policy of their own',
        tags: ['people'],
        params: idParams,
        body: policyView,
        response: {
          200: policyView,
          ...errors('NOT_FOUND', 'ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED'),
        },
      },
    },
    async (request) => {
      const { id } = request.params
      const known = need(context, 'store').users.find(id)
      found(known ?? (await labPeople(context)).find((person) => person.id === id), 'person', id)
      return savePolicy(context, { scope: id, ...request.body })
    },
  )

  api.delete(
    '/api/people/:id/policy',
    {
      schema: {
        summary: 'Take a person’s own calling policy away: the Global one holds again',
        tags: ['people'],
        params: idParams,
        response: { 200: policyView, ...errors('ORIGIN_REFUSED', 'PART_NOT_RUNNING', 'STORE_FAILED') },
      },
    },
    (request) => {
      const { id } = request.params
      const { callingPolicies } = need(context, 'store')
      // Global itself is changed, not taken away: its route is the other one.
      if (id === 'Global') throw new ApplianceError('NOT_FOUND', { id })
      callingPolicies.remove(id)
      audit(context, { action: 'policy.remove', subject: id })
      context.events.publish('policiesChanged', { scope: id })
      return viewPolicy(callingPolicies.forUser(id))
    },
  )

  api.get(
    '/api/lab',
    {
      schema: {
        summary: 'The lab tenant: whom to sign in as and whom to call',
        tags: ['people'],
        response: { 200: labView, ...errors() },
      },
    },
    async () => ({
      on: context.options.health().lab,
      pageUrl: context.parts.lab?.pageUrl ?? null,
      people: (await labPeople(context)).map((person) => ({ ...person, number: person.number ?? null })),
    }),
  )
}

/** A lab that does not answer must not take the real people's page down with it. */
async function labPeople(context: ApiContext): Promise<readonly LabPerson[]> {
  try {
    return (await context.parts.lab?.people()) ?? []
  } catch (error) {
    context.options.logger.warn({ err: error }, 'the people of the lab could not be read')
    return []
  }
}

function savePolicy(context: ApiContext, policy: CallingPolicy): PolicyView {
  need(context, 'store').callingPolicies.save(policy)
  const switches = viewPolicy(policy)
  audit(context, { action: 'policy.change', subject: policy.scope, details: { ...switches } })
  context.events.publish('policiesChanged', { scope: policy.scope })
  return switches
}
