import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { TenantChosen, TenantView } from '#src/api/schema/setup.ts'
import { ask } from '../api-client.ts'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'
import { RestartBox } from './restart-box.tsx'
import type { StepProps } from './steps.ts'
import { StepFrame } from './step-frame.tsx'
import { OwnTenant } from './own-tenant.tsx'

type Kind = 'lab' | 'microsoft'

/** Teams: the lab in one click, or one's own tenant in five parts. */
export function TeamsStep(props: StepProps): VNode {
  const { data, failure, reload } = useResource<TenantView>('/api/setup/tenant', [
    'settingsChanged',
    'health',
  ])
  const [restarting, setRestarting] = useState(false)
  const [own, setOwn] = useState<boolean>()
  const choose = useAction(async (kind: Kind) => {
    const { restartNeeded } = await ask<TenantChosen>('POST', '/api/setup/tenant/choice', { kind })
    if (restartNeeded) setRestarting(true)
    else again()
  })
  const again = (): void => {
    setRestarting(false)
    reload()
    props.reload()
  }
  if (restarting) {
    return (
      <StepFrame step={props.step} evidence="The box restarts with the tenant that you chose." ways={false}>
        <div class="card">
          <RestartBox onBack={again} />
        </div>
      </StepFrame>
    )
  }
  const ownOpen = own ?? (data?.kind === 'microsoft' || (data?.kind === 'none' && data.tenantId !== null))
  const waits = data !== undefined && data.kind !== 'none' && data.kind !== data.running
  return (
    <StepFrame step={props.step}>
      <Failure failure={failure} onRetry={reload} />
      <Failure failure={choose.failure} />
      {!data && !failure && <Loading />}
      {waits && (
        <Notice tone="warn" title="The box must be restarted to use the tenant.">
          <button type="button" class="primary" onClick={() => setRestarting(true)}>
            Restart now
          </button>
        </Notice>
      )}
      {data && !ownOpen && (
        <Lab
          tenant={data}
          busy={choose.busy}
          onChoose={() => void choose.run('lab')}
          onOwn={() => setOwn(true)}
        />
      )}
      {data && ownOpen && (
        <OwnTenant
          tenant={data}
          setup={props.setup}
          busy={choose.busy}
          onChange={() => {
            reload()
            props.reload()
          }}
          onUse={() => void choose.run('microsoft')}
          onLab={() => setOwn(false)}
        />
      )}
    </StepFrame>
  )
}

function Lab(props: { tenant: TenantView; busy: boolean; onChoose: () => void; onOwn: () => void }): VNode {
  const inUse = props.tenant.running === 'lab' && props.tenant.kind === 'lab'
  return (
    <>
      <section class="card" aria-labelledby="lab-choice">
        <h2 id="lab-choice">Try it with the lab</h2>
        <p>
          The lab tenant stands in for Microsoft 365 and Teams, on this box: sign-in, people and numbers to
          call, without any account. Nothing leaves the box, and every page says “lab”.
        </p>
        {inUse ? (
          <p>
            <strong>The lab is in use.</strong>
          </p>
        ) : (
          <p>
            <button type="button" class="primary" disabled={props.busy} onClick={props.onChoose}>
              {props.busy ? 'Choosing …' : 'Use the lab'}
            </button>{' '}
            <span class="hint">The box restarts; that takes a few seconds.</span>
          </p>
        )}
      </section>
      <section class="card" aria-labelledby="own-choice">
        <h2 id="own-choice">Use my own Microsoft 365 tenant</h2>
        <p>
          For real calls. You need an app registration in Entra, a public name with a certificate, and a Teams
          administrator who runs a script.
        </p>
        <p>
          <button type="button" onClick={props.onOwn}>
            Set up my own tenant …
          </button>
        </p>
      </section>
    </>
  )
}
