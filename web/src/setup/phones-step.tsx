import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DeviceView, LineView } from '#src/api/schema/devices.ts'
import type { StatusView } from '#src/api/schema/health.ts'
import type { PeopleView } from '#src/api/schema/people.ts'
import { ask } from '../api-client.ts'
import { AddPhone } from '../phones/add-phone.tsx'
import { ProvisioningAddress } from '../phones/point-phones.tsx'
import { SignInDialog } from '../phones/sign-in.tsx'
import { Failure, Loading } from '../ui/notice.tsx'
import { State } from '../ui/state.tsx'
import { useAction, useResource } from '../use-resource.ts'
import { FirstCall } from './first-call.tsx'
import type { StepProps } from './steps.ts'
import { StepFrame } from './step-frame.tsx'
import { stepHref } from './steps.ts'

type Open = 'add' | { device: DeviceView; line: LineView }

/** Phones: allow it, connect one in any of three ways, sign somebody in, see the first call. */
export function PhonesStep(props: StepProps): VNode {
  const status = useResource<StatusView>('/api/status', [
    'policiesChanged',
    'signedIn',
    'signedOut',
    'bindingChanged',
    'callEnded',
  ])
  const phones = useResource<{ devices: DeviceView[] }>('/api/devices', [
    'bindingChanged',
    'devicesChanged',
    'signedIn',
    'signedOut',
  ])
  const [open, setOpen] = useState<Open>()
  const close = (): void => {
    setOpen(undefined)
    phones.reload()
    props.reload()
  }
  const devices = (phones.data?.devices ?? []).filter(({ state }) => state !== 'found')
  const lines = devices.flatMap((device) => device.lines.map((line) => ({ device, line })))
  const allowed = status.data?.sipDevicesAllowed ?? true
  const signedIn = lines.some(({ line }) => line.user)
  const next = !allowed ? 'allow' : lines.length === 0 ? 'add' : !signedIn ? 'signIn' : 'call'
  return (
    <StepFrame step={props.step}>
      <Failure failure={status.failure ?? phones.failure} onRetry={phones.reload} />
      {!phones.data && !phones.failure && <Loading />}
      {status.data && phones.data && (
        <>
          {!allowed && <Allow onDone={status.reload} />}
          <section class="card" aria-labelledby="connect-phone">
            <h2 id="connect-phone">Connect a phone</h2>
            <ul class="ways">
              <li>
                <h3>A softphone, or any SIP phone by hand</h3>
                <p>You get a user name and a password, and a code to scan for Linphone.</p>
                <p>
                  <button
                    type="button"
                    class={next === 'add' ? 'primary' : ''}
                    onClick={() => setOpen('add')}
                  >
                    Add a phone
                  </button>
                </p>
              </li>
              <DeskPhones url={props.setup.phonesUrl} />
              <li>
                <h3>A DECT system</h3>
                <p>
                  One server, many handsets, each with its own person. Pair it under{' '}
                  <a href="#/phones">Phones</a>.
                </p>
              </li>
            </ul>
          </section>
          {lines.length > 0 && (
            <section class="card" aria-labelledby="sign-in-phone">
              <h2 id="sign-in-phone">Sign somebody in</h2>
              {!status.data.signInRunning && (
                <p>
                  There is no tenant to sign in to yet: choose one under <a href={stepHref('teams')}>Teams</a>
                  .
                </p>
              )}
              <ul class="wizard-phones" aria-label="Phones">
                {lines.map(({ device, line }, index) => (
                  <Phone
                    key={line.id}
                    device={device}
                    line={line}
                    main={next === 'signIn' && index === 0}
                    canSignIn={status.data?.signInRunning === true}
                    onSignIn={() => setOpen({ device, line })}
                  />
                ))}
              </ul>
            </section>
          )}
          {signedIn && <FirstCall step={props.step} />}
        </>
      )}
      {open === 'add' && <AddPhone devices={devices} onClose={close} />}
      {open && open !== 'add' && <SignInDialog {...open} onClose={close} />}
    </StepFrame>
  )
}

/** Teams' own default is off, and nobody could sign in. */
function Allow(props: { onDone: () => void }): VNode {
  const allow = useAction(async () => {
    const { global } = await ask<PeopleView>('GET', '/api/people')
    await ask('PUT', '/api/policy', { ...global, allowSipDevicesCalling: true })
    props.onDone()
  })
  return (
    <section class="card" aria-labelledby="allow-calling">
      <h2 id="allow-calling">Allow calling on SIP phones</h2>
      <p>
        As in Teams, nobody may use a SIP phone at first. Allow it for everybody, or for some under{' '}
        <a href="#/people">People</a>.
      </p>
      <p>
        <button type="button" class="primary" disabled={allow.busy} onClick={() => void allow.run()}>
          {allow.busy ? 'Allowing …' : 'Allow it for everybody'}
        </button>
      </p>
      <Failure failure={allow.failure} />
    </section>
  )
}

function DeskPhones(props: { url: string | null }): VNode {
  const { url } = props
  return (
    <li>
      <h3>Desk phones that configure themselves</h3>
      <ProvisioningAddress url={url} />
      {url !== null && (
        <p>
          Phones that ask appear under <a href="#/phones">Phones</a>, where you take them over.
        </p>
      )}
    </li>
  )
}

function Phone(props: {
  device: DeviceView
  line: LineView
  main: boolean
  canSignIn: boolean
  onSignIn: () => void
}): VNode {
  const { device, line } = props
  return (
    <li aria-label={device.label}>
      <strong>{device.label}</strong>
      <State light={line.registered ? 'ok' : 'off'}>
        {line.registered ? 'registered' : 'not registered'}
      </State>
      {line.user ? (
        <span>
          {line.user.displayName} <span class="muted">{line.user.number}</span>
        </span>
      ) : (
        <button
          type="button"
          class={props.main ? 'small primary' : 'small'}
          aria-label={`Sign in somebody on ${device.label}`}
          disabled={!props.canSignIn}
          onClick={props.onSignIn}
        >
          Sign in
        </button>
      )}
    </li>
  )
}
