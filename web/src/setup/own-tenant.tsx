import type { ComponentChildren, VNode } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { ConsentView, SetupView, TenantView } from '#src/api/schema/setup.ts'
import { ask } from '../api-client.ts'
import { TextField } from '../ui/fields.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'
import { Consent } from './consent.tsx'
import { useProblemFocus } from './focus.ts'
import { LiveChecks } from './live-checks.tsx'
import { stepHref } from './steps.ts'
import { TenantScript } from './tenant-script.tsx'

/** One's own tenant in five parts; the first that is not done has the main button. */
export function OwnTenant(props: {
  tenant: TenantView
  setup: SetupView
  busy: boolean
  onChange: () => void
  onUse: () => void
  onLab: () => void
}): VNode {
  const { tenant, setup } = props
  const consent = useResource<ConsentView>('/api/setup/consent', ['settingsChanged'])
  const entered = tenant.tenantId !== null && tenant.clientId !== null && tenant.sbcFqdn !== null
  const confirmed = consent.data?.state === 'confirmed'
  const inUse = tenant.kind === 'microsoft' && tenant.running === 'microsoft'
  return (
    <>
      <p>
        <button type="button" class="link" onClick={props.onLab}>
          Back to the choice between lab and own tenant
        </button>
      </p>
      <Part number={1} title="Names and ids" done={entered}>
        <Ids tenant={tenant} onChange={props.onChange} />
      </Part>
      <Part number={2} title="Is the app registration right?" done={confirmed}>
        {entered ? (
          <Consent consent={consent.data} reload={consent.reload} main={!confirmed} onDone={props.onChange} />
        ) : (
          <p class="muted">Enter the ids first.</p>
        )}
      </Part>
      <Part number={3} title="Let the tenant know this box" done={false}>
        {entered ? <TenantScript key={tenant.sbcFqdn} /> : <p class="muted">Enter the ids first.</p>}
      </Part>
      <Part number={4} title="Does the box reach Teams?" done={false}>
        {!tenant.certificate && (
          <p>
            The certificate is missing: <a href={stepHref('certificate')}>upload it</a>, then check.
          </p>
        )}
        <LiveChecks
          checks={[
            { id: 'teams-dns', title: 'Names of Teams' },
            { id: 'teams-tls', title: 'Secure connection' },
            { id: 'teams-options', title: 'Teams answers' },
          ]}
          setup={setup}
          onResult={props.onChange}
        />
      </Part>
      <Part number={5} title="Use this tenant" done={inUse}>
        {inUse ? (
          <p>The tenant is in use.</p>
        ) : (
          <>
            {tenant.missing.length > 0 && (
              <Notice tone="info" title="Something is missing:">
                <ul class="bullets">
                  {tenant.missing.map((text) => (
                    <li key={text}>{text}</li>
                  ))}
                </ul>
              </Notice>
            )}
            <p>
              <button
                type="button"
                class={confirmed ? 'primary' : ''}
                disabled={props.busy || tenant.missing.length > 0}
                onClick={props.onUse}
              >
                {props.busy ? 'Choosing …' : 'Use this tenant and restart'}
              </button>
            </p>
          </>
        )}
      </Part>
    </>
  )
}

function Part(props: { number: number; title: string; done: boolean; children: ComponentChildren }): VNode {
  const id = `tenant-part-${props.number}`
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        <span class={props.done ? 'step-sign done' : 'step-sign'} aria-hidden="true">
          {props.done ? '✓' : props.number}
        </span>{' '}
        {props.title}
        {props.done && <span class="visually-hidden"> (done)</span>}
      </h2>
      {props.children}
    </section>
  )
}

function Ids(props: { tenant: TenantView; onChange: () => void }): VNode {
  const { tenant } = props
  const [tenantId, setTenantId] = useState(tenant.tenantId ?? '')
  const [clientId, setClientId] = useState(tenant.clientId ?? '')
  const [sbcFqdn, setSbcFqdn] = useState(tenant.sbcFqdn ?? '')
  const [saved, setSaved] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const save = useAction(async () => {
    setSaved(false)
    await ask('PUT', '/api/setup/tenant', { tenantId, clientId, sbcFqdn })
    setSaved(true)
    props.onChange()
  })
  useProblemFocus(form, save.failure)
  // The box names every field that has to be mended, not only the first.
  const problems = (save.failure?.details.problems ?? []) as { field: string; text: string }[]
  const problemOf = (field: string): string | undefined => problems.find((one) => one.field === field)?.text
  const edited = (set: (text: string) => void) => (text: string) => {
    save.clear()
    setSaved(false)
    set(text)
  }
  const same =
    tenantId === tenant.tenantId && clientId === tenant.clientId && sbcFqdn === tenant.sbcFqdn && saved
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault()
        void save.run()
      }}
    >
      <details>
        <summary>How the app registration is made in Entra</summary>
        <ol class="sign-in-steps">
          <li>Entra admin center, App registrations, New registration: any name, this tenant only.</li>
          <li>Authentication: “Allow public client flows”: yes. No redirect address is needed.</li>
          <li>
            API permissions, Microsoft Graph, delegated: {tenant.permissions.join(', ')}. Then “Grant admin
            consent”.
          </li>
          <li>Overview: copy both ids from there.</li>
        </ol>
      </details>
      <TextField
        label="Tenant id (Directory id)"
        value={tenantId}
        onValue={edited(setTenantId)}
        problem={problemOf('tenantId')}
        placeholder="00000000-0000-0000-0000-000000000000"
        spellcheck={false}
        required
      />
      <TextField
        label="Application (client) id"
        value={clientId}
        onValue={edited(setClientId)}
        problem={problemOf('clientId')}
        placeholder="00000000-0000-0000-0000-000000000000"
        spellcheck={false}
        required
      />
      <TextField
        label="Name of this box in Teams"
        value={sbcFqdn}
        onValue={edited(setSbcFqdn)}
        problem={problemOf('sbcFqdn')}
        placeholder="sbc.example.com"
        spellcheck={false}
        hint="The certificate must be for this name; its domain must be verified in the tenant."
        required
      />
      {problems.length === 0 && <Failure failure={save.failure} />}
      {same && <Notice tone="ok" title="Saved." />}
      <footer class="dialog-foot">
        <button type="submit" class={tenant.tenantId === null ? 'primary' : ''} disabled={save.busy}>
          {save.busy ? 'Saving …' : 'Save'}
        </button>
      </footer>
    </form>
  )
}
