import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { NetworkStateView } from '#src/api/schema/network.ts'
import { formatMac } from '../format.ts'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { LiveChecks } from './live-checks.tsx'
import { NetworkForm } from './network-form.tsx'
import { NetworkTrial } from './network-trial.tsx'
import type { StepProps } from './steps.ts'
import { StepFrame } from './step-frame.tsx'

const lookEveryMs = 2_000

/** Network: what it is, whether it leads anywhere, and, where the box may, how to change it. */
export function NetworkStep(props: StepProps): VNode {
  const { data, failure, reload } = useResource<NetworkStateView>('/api/network')
  const [changing, setChanging] = useState(false)
  const trial = data?.trial ?? undefined
  useEffect(() => {
    if (!trial) return
    // No event tells of the end of a trial, and its seconds run.
    const timer = window.setInterval(reload, lookEveryMs)
    return () => window.clearInterval(timer)
  }, [trial !== undefined])
  return (
    <StepFrame step={props.step}>
      <section aria-labelledby="network-now">
        <h2 id="network-now">As it is now</h2>
        <Failure failure={failure} onRetry={reload} />
        {!data && !failure && <Loading />}
        {data && <Current network={data} />}
        {data && trial && (
          <NetworkTrial
            trial={trial}
            onEnd={() => {
              reload()
              props.reload()
            }}
          />
        )}
        {data?.lastFailure && !trial && (
          <Notice tone="warn" title="The last change is not in force.">
            {data.lastFailure}
          </Notice>
        )}
        {data && !trial && (
          <NetworkChange
            network={data}
            open={changing}
            onOpen={setChanging}
            onTrial={() => {
              setChanging(false)
              reload()
            }}
          />
        )}
      </section>
      <section aria-labelledby="network-checks">
        <h2 id="network-checks">Does it lead anywhere?</h2>
        <LiveChecks
          checks={[
            { id: 'gateway', title: 'Gateway' },
            { id: 'dns', title: 'Names (DNS)' },
            { id: 'clock', title: 'Clock' },
          ]}
          setup={props.setup}
          auto
          onResult={props.reload}
        />
      </section>
    </StepFrame>
  )
}

function NetworkChange(props: {
  network: NetworkStateView
  open: boolean
  onOpen: (open: boolean) => void
  onTrial: () => void
}): VNode {
  const { network, open } = props
  if (!network.supported) {
    return (
      <p class="hint">
        The operating system of this machine manages its network; the box only shows it. Change it there, then
        check again.
      </p>
    )
  }
  return (
    <>
      <button type="button" class="fit" aria-expanded={open} onClick={() => props.onOpen(!open)}>
        {open ? 'Leave it as it is' : 'Change …'}
      </button>
      {open && <NetworkForm network={network} onTrial={props.onTrial} />}
    </>
  )
}

function Current(props: { network: NetworkStateView }): VNode {
  const { interfaces, gateways, dns } = props.network.current
  return (
    <dl class="facts">
      {interfaces.map(({ name, mac, link, addresses }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {addresses.length === 0 ? (
              <span class="muted">no address</span>
            ) : (
              addresses.filter(isRouted).map(({ address, prefixLength }) => (
                <code key={address}>
                  {address}/{prefixLength}
                </code>
              ))
            )}
            {link === 'down' && <span class="muted">no cable</span>}
            {mac && <span class="muted">MAC {formatMac(mac.replaceAll(':', ''))}</span>}
          </dd>
        </div>
      ))}
      <div>
        <dt>Gateway</dt>
        <dd>{gateways.length > 0 ? gateways.map((one) => <code key={one}>{one}</code>) : 'none'}</dd>
      </div>
      <div>
        <dt>DNS servers</dt>
        <dd>{dns.length > 0 ? dns.map((one) => <code key={one}>{one}</code>) : 'none'}</dd>
      </div>
    </dl>
  )
}

/** Link-local IPv6 addresses (RFC 4291 2.5.6) say nothing to anybody: every interface has one. */
function isRouted({ address }: { address: string }): boolean {
  return !/^fe[89ab]/i.test(address)
}
