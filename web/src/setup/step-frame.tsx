import type { ComponentChildren, VNode } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { SetupView, StepView } from '#src/api/schema/setup.ts'
import { ask } from '../api-client.ts'
import { Failure } from '../ui/notice.tsx'
import { State } from '../ui/state.tsx'
import { useAction } from '../use-resource.ts'
import { tellSetup } from './latest-setup.ts'
import { neighbour, stateLights, stepHref, steps } from './steps.ts'

/** The frame of a step: its heading takes the focus, the evidence stands below it, the ways out at the end. */
export function StepFrame(props: {
  step: StepView
  children: ComponentChildren
  /** The step's own main button, where going on means doing something first. */
  primary?: ComponentChildren
  /** Shown instead of the evidence of the box, where the page knows more. */
  evidence?: ComponentChildren
  /** False while nothing can be done but wait. */
  ways?: boolean
}): VNode {
  const { step } = props
  const heading = useRef<HTMLHeadingElement>(null)
  // With the step itself, not after it: a key that is pressed at once must not meet the old place.
  useLayoutEffect(() => {
    window.scrollTo(0, 0)
    heading.current?.focus({ preventScroll: true })
  }, [])
  const index = steps.findIndex(({ id }) => id === step.id)
  const { title, lead } = steps[index] ?? { title: '', lead: '' }
  const { light, word } = stateLights[step.state]
  return (
    <div class="step">
      <div class="step-head">
        <p class="muted">
          Step {index + 1} of {steps.length}
        </p>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <p>{lead}</p>
      </div>
      <div class={`evidence ${light}`} role="status">
        <State light={light}>{word}</State>
        <span>{props.evidence ?? step.evidence}</span>
      </div>
      {props.children}
      {props.ways !== false && <StepFoot step={step}>{props.primary}</StepFoot>}
    </div>
  )
}

function StepFoot(props: { step: StepView; children: ComponentChildren }): VNode {
  const { step } = props
  const before = neighbour(step.id, -1)
  const next = neighbour(step.id, 1)
  const skip = useAction(async () => {
    tellSetup(await ask<SetupView>('POST', `/api/setup/${step.id}/skip`))
    if (next) location.hash = stepHref(next)
  })
  const dealtWith = step.state === 'done' || step.state === 'skipped'
  const later = step.state === 'attention' ? 'Go on anyway' : 'Do this later'
  return (
    <footer class="step-foot">
      <Failure failure={skip.failure} />
      <div class="step-ways">
        {before && (
          <a class="button" href={stepHref(before)}>
            Back
          </a>
        )}
        <span class="step-gap" />
        {!dealtWith && next && (
          <button type="button" class="quiet" disabled={skip.busy} onClick={() => void skip.run()}>
            {later}
          </button>
        )}
        {props.children}
        {dealtWith && next && !props.children && (
          <a class="button primary" href={stepHref(next)}>
            Continue
          </a>
        )}
        {step.state === 'skipped' && next && props.children && (
          <a class="button" href={stepHref(next)}>
            Continue
          </a>
        )}
      </div>
    </footer>
  )
}

/** Goes to the step after this one. */
export function goOn(step: StepView): void {
  const next = neighbour(step.id, 1)
  if (next) location.hash = stepHref(next)
}
