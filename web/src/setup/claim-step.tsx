import type { VNode } from 'preact'
import type { StepProps } from './steps.ts'
import { StepFrame } from './step-frame.tsx'

/** The first step is over by the time anybody sees it here. */
export function ClaimStep(props: StepProps): VNode {
  return (
    <StepFrame step={props.step}>
      <div class="card">
        <p>
          Whoever has the admin password runs this box. You can change it under{' '}
          <a href="#/settings">Settings</a>; whoever stands at the box itself can take it away.
        </p>
      </div>
    </StepFrame>
  )
}
