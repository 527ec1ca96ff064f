import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { PeopleView, PersonView, PolicyView } from '#src/api/schema/people.ts'
import { ask } from '../api-client.ts'
import { Switch } from '../ui/fields.tsx'
import { Empty, Failure, Loading } from '../ui/notice.tsx'
import { LabBadge, State } from '../ui/state.tsx'
import { useAction, useResource } from '../use-resource.ts'

const switches: { key: keyof PolicyView; label: string; hint: string }[] = [
  {
    key: 'allowSipDevicesCalling',
    label: 'Calling on SIP devices',
    hint: 'Without it nobody can sign in on a phone.',
  },
  {
    key: 'allowCallRedirect',
    label: 'Call forwarding from the phone',
    hint: 'Kept for feature codes to come: nothing on the box forwards yet.',
  },
  { key: 'busyOnBusy', label: 'Busy on busy', hint: 'A second call hears busy instead of waiting.' },
  {
    key: 'emergencyLocationRequired',
    label: 'Emergency location required',
    hint: 'Kept for emergency calling to come: the box asks for no place yet.',
  },
]

/** People, their phones, and what their calling policy allows. */
export function People(): VNode {
  const { data, failure, reload } = useResource<PeopleView>('/api/people', [
    'policiesChanged',
    'signedIn',
    'signedOut',
    'bindingChanged',
    'devicesChanged',
  ])
  const save = useAction(async (path: string, policy: PolicyView) => {
    await ask('PUT', path, policy)
    reload()
  })
  const drop = useAction(async (id: string) => {
    await ask('DELETE', policyPath(id))
    reload()
  })
  return (
    <>
      <h1>People</h1>
      <Failure failure={failure} onRetry={reload} />
      <Failure failure={save.failure ?? drop.failure} />
      {!data && !failure && <Loading />}
      {data && (
        <>
          <section aria-labelledby="global" class="card">
            <h2 id="global">Everybody</h2>
            <p class="muted">The Global calling policy: it holds for all who have none of their own.</p>
            <PolicySwitches
              policy={data.global}
              owner="everybody"
              busy={save.busy}
              onChange={(policy) => void save.run('/api/policy', policy)}
            />
          </section>
          {data.people.length === 0 ? (
            <Empty title="Nobody known yet">
              <p>
                People appear here once they have signed in on a phone: switch on “Calling on SIP devices”
                above, then sign somebody in under <a href="#/phones">Phones</a>.
              </p>
            </Empty>
          ) : (
            <>
              <p class="people-head muted" aria-hidden="true">
                Calling on SIP devices
              </p>
              <ul class="people" aria-label="People">
                {data.people.map((person) => (
                  <Person
                    key={person.id}
                    person={person}
                    busy={save.busy || drop.busy}
                    onChange={(policy) => void save.run(policyPath(person.id), policy)}
                    onDrop={() => void drop.run(person.id)}
                  />
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </>
  )
}

function policyPath(id: string): string {
  return `/api/people/${encodeURIComponent(id)}/policy`
}

function Person(props: {
  person: PersonView
  busy: boolean
  onChange: (policy: PolicyView) => void
  onDrop: () => void
}): VNode {
  const { person } = props
  const [open, setOpen] = useState(false)
  return (
    <li class="person" aria-label={person.displayName}>
      <div class="person-name">
        <strong>{person.displayName}</strong> {person.lab && <LabBadge />}
        <p class="muted">{person.upn}</p>
      </div>
      <div>
        {person.number ? <code>{person.number}</code> : <State light="warn">no number</State>}{' '}
        {!person.licensed && <State light="warn">no licence</State>}
      </div>
      <div class="muted">
        {person.lines.length === 0
          ? 'on no phone'
          : person.lines.map((line) => (
              <div key={line.lineId}>
                <State light={line.registered ? 'ok' : 'off'}>{line.deviceLabel}</State>
              </div>
            ))}
      </div>
      <div class="person-policy">
        <Switch
          label={`Calling on SIP devices for ${person.displayName}`}
          hideLabel
          on={person.policy.allowSipDevicesCalling}
          disabled={props.busy}
          onChange={(on) => props.onChange({ ...person.policy, allowSipDevicesCalling: on })}
        />
        <button type="button" class="quiet small" aria-expanded={open} onClick={() => setOpen(!open)}>
          {person.ownPolicy ? 'own policy' : 'as everybody'}
          <span class="visually-hidden">: calling policy of {person.displayName}</span>
          <span aria-hidden="true"> {open ? '▴' : '▾'}</span>
        </button>
      </div>
      {open && (
        <div class="person-more">
          <PolicySwitches
            policy={person.policy}
            owner={person.displayName}
            busy={props.busy}
            onChange={props.onChange}
          />
          {person.ownPolicy && (
            <p>
              <button type="button" class="small" disabled={props.busy} onClick={props.onDrop}>
                Back to what everybody has
              </button>
            </p>
          )}
        </div>
      )}
    </li>
  )
}

function PolicySwitches(props: {
  policy: PolicyView
  owner: string
  busy: boolean
  onChange: (policy: PolicyView) => void
}): VNode {
  return (
    <ul class="policy" aria-label={`Calling policy of ${props.owner}`}>
      {switches.map(({ key, label, hint }) => (
        <li key={key}>
          <Switch
            label={label}
            on={props.policy[key]}
            disabled={props.busy}
            onChange={(on) => props.onChange({ ...props.policy, [key]: on })}
          />
          <span class="muted">{hint}</span>
        </li>
      ))}
    </ul>
  )
}
