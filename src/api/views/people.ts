import type { CallingPolicy } from '#src/model/calling-policy.ts'
import type { ApiStore, LabPerson } from '../ports.ts'
import type { PeopleView, PersonView, PolicyView } from '../schema/people.ts'

/**
 * Everybody the box knows: who has signed in here, and in the lab also who could. A policy must be settable
 * before the first sign-in, because without it there is none.
 */
export function viewPeople(store: ApiStore, labPeople: readonly LabPerson[], nowMs: number): PeopleView {
  const policies = new Map(store.callingPolicies.list().map((policy) => [policy.scope, policy]))
  const registered = new Set(store.bindings.all(nowMs).map((binding) => binding.aor))
  const known = store.users.list()
  const knownIds = new Set(known.map((user) => user.id))
  const others = labPeople.filter((person) => person.canSignIn && !knownIds.has(person.id))
  const people = [...known, ...others.map((person) => ({ ...person, lab: true }))].map(
    (person): PersonView => ({
      id: person.id,
      upn: person.upn,
      displayName: person.displayName,
      number: person.number ?? null,
      licensed: person.licensed,
      lab: person.lab,
      lines: linesOf(person.id, store, registered),
      policy: viewPolicy(store.callingPolicies.forUser(person.id)),
      ownPolicy: policies.has(person.id),
    }),
  )
  people.sort((a, b) => a.displayName.localeCompare(b.displayName))
  // `forUser` of nobody in particular answers with Global, or with the defaults.
  return { global: viewPolicy(policies.get('Global') ?? store.callingPolicies.forUser('Global')), people }
}

/** The switches of a policy. */
export function viewPolicy(policy: CallingPolicy): PolicyView {
  return {
    allowSipDevicesCalling: policy.allowSipDevicesCalling,
    allowCallRedirect: policy.allowCallRedirect,
    busyOnBusy: policy.busyOnBusy,
    emergencyLocationRequired: policy.emergencyLocationRequired,
  }
}

function linesOf(userId: string, store: ApiStore, registered: Set<string>): PersonView['lines'] {
  return store.signIns.forUser(userId).flatMap((signIn) => {
    const line = store.lines.find(signIn.lineId)
    const device = line && store.devices.find(line.deviceId)
    if (!device) return []
    return [
      {
        lineId: line.id,
        deviceId: device.id,
        deviceLabel: device.label,
        registered: registered.has(line.username),
      },
    ]
  })
}
