import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { SetupView, StepId, StepView } from '#src/api/schema/setup.ts'
import { Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { CertificateStep } from './certificate-step.tsx'
import { ClaimStep } from './claim-step.tsx'
import { DoneStep } from './done-step.tsx'
import { onSetup, tellSetup } from './latest-setup.ts'
import { NetworkStep } from './network-step.tsx'
import { PhonesStep } from './phones-step.tsx'
import { firstOpen, stateLights, stepHref, steps, useStep, type StepProps } from './steps.ts'
import { TeamsStep } from './teams-step.tsx'
import { TimeStep } from './time-step.tsx'

const views: Record<StepId, (props: StepProps) => VNode> = {
  claim: ClaimStep,
  network: NetworkStep,
  time: TimeStep,
  certificate: CertificateStep,
  teams: TeamsStep,
  phones: PhonesStep,
  done: DoneStep,
}

/** The setup wizard: one step at a time, each of them skippable, each judged by what the box sees. */
export function Setup(): VNode {
  const {
    data: read,
    failure,
    reload,
  } = useResource<SetupView>('/api/setup', [
    'bindingChanged',
    'devicesChanged',
    'settingsChanged',
    'signedIn',
    'signedOut',
    'callChanged',
    'callEnded',
    'trunkChanged',
    'health',
  ])
  // A step left for later answers with the setup as it is then; there is no need to read it again.
  const [data, setData] = useState<SetupView>()
  useEffect(() => onSetup(setData), [])
  useEffect(() => {
    if (read) tellSetup(read)
  }, [read])
  const wanted = useStep()
  const current = wanted ?? (data && firstOpen(data.steps))
  useEffect(() => {
    // The address then names the step, so that a reload and the browser's Back come here again.
    if (current && /^#\/setup\/?$/.test(location.hash)) location.replace(stepHref(current))
  }, [wanted, current])
  const step = data?.steps.find(({ id }) => id === current)
  const View = current && views[current]
  return (
    <div class="setup">
      {!data && <h1>Setup</h1>}
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && step && View && (
        <>
          <Rail views={data.steps} current={step.id} />
          <View key={step.id} step={step} setup={data} reload={reload} />
        </>
      )}
    </div>
  )
}

function Rail(props: { views: readonly StepView[]; current: StepId }): VNode {
  return (
    <nav class="rail" aria-label="Setup steps">
      <ol>
        {steps.map(({ id, title }, index) => {
          const state = props.views.find((view) => view.id === id)?.state ?? 'open'
          const { word, sign } = stateLights[state]
          return (
            <li key={id}>
              <a href={stepHref(id)} class={state} aria-current={id === props.current ? 'step' : undefined}>
                <span class="step-sign" aria-hidden="true">
                  {sign === '' ? index + 1 : sign}
                </span>
                <span class="rail-title">{title}</span>
                <span class="rail-state">{word}</span>
              </a>
            </li>
          )
        })}
      </ol>
    </nav>
  )
}
