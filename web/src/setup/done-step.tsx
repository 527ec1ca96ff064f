import type { VNode } from 'preact'
import type { StepProps } from './steps.ts'
import { State } from '../ui/state.tsx'
import { StepFrame } from './step-frame.tsx'
import { stateLights, stepHref, steps } from './steps.ts'

/** The summary: what was seen, what was left for later, and where to go from here. */
export function DoneStep(props: StepProps): VNode {
  const { steps: views } = props.setup
  return (
    <StepFrame
      step={props.step}
      primary={
        <a class="button primary" href="#/status">
          Go to the status page
        </a>
      }
    >
      <ul class="rows summary" aria-label="Summary of the steps">
        {steps
          .filter(({ id }) => id !== 'done')
          .map(({ id, title }) => {
            const view = views.find((one) => one.id === id)
            const { light, word } = stateLights[view?.state ?? 'open']
            return (
              <li key={id}>
                <a class="part-name" href={stepHref(id)}>
                  {title}
                </a>
                <State light={light}>{word}</State>
                <span class="part-detail">{view?.evidence}</span>
              </li>
            )
          })}
      </ul>
      <section aria-labelledby="from-here" class="card">
        <h2 id="from-here">From here</h2>
        <ul class="bullets">
          <li>
            More phones: <a href="#/phones">Phones</a>. Who may use them: <a href="#/people">People</a>.
          </li>
          <li>
            How calls went, each in one sentence: <a href="#/log">Call log</a>.
          </li>
          <li>
            When something is wrong, <a href="#/status">Status</a> says what and how to mend it.
          </li>
          <li>Every step here can be done again at any time: Setup stays in the navigation.</li>
        </ul>
      </section>
    </StepFrame>
  )
}
