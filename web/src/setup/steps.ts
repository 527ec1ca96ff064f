import { useEffect, useState } from 'preact/hooks'
import type { SetupView, StepId, StepView } from '#src/api/schema/setup.ts'
import type { Light } from '../ui/state.tsx'

/** What each step is given: its own state, all states, and how to read them anew. */
export interface StepProps {
  step: StepView
  setup: SetupView
  reload: () => void
}

/** The steps in their order, in a branch admin's words. */
export const steps: readonly { id: StepId; title: string; lead: string }[] = [
  { id: 'claim', title: 'Claim', lead: 'Somebody has to own this box.' },
  { id: 'network', title: 'Network', lead: 'Phones and Teams must reach the box, and the box them.' },
  {
    id: 'time',
    title: 'Time and country',
    lead: 'Phones show this time, and these numbers call for help.',
  },
  {
    id: 'certificate',
    title: 'Certificate',
    lead: 'It proves to phones, browsers and Teams that this box is yours.',
  },
  { id: 'teams', title: 'Teams', lead: 'Where people sign in, and where their calls go.' },
  { id: 'phones', title: 'Phones', lead: 'Connect the first phone, sign somebody in, make a call.' },
  { id: 'done', title: 'Done', lead: 'What stands, and where to go from here.' },
]

/** The step that comes next or before; undefined at the ends. */
export function neighbour(id: StepId, by: 1 | -1): StepId | undefined {
  return steps[steps.findIndex((step) => step.id === id) + by]?.id
}

/** Address of a step. */
export function stepHref(id: StepId): string {
  return `#/setup/${id}`
}

/** How each state looks and what it is called. */
export const stateLights: Record<StepView['state'], { light: Light; word: string; sign: string }> = {
  done: { light: 'ok', word: 'done', sign: '✓' },
  open: { light: 'wait', word: 'open', sign: '' },
  skipped: { light: 'off', word: 'left for later', sign: '–' },
  attention: { light: 'warn', word: 'needs attention', sign: '!' },
}

/** The first step that nobody has dealt with, else the summary. */
export function firstOpen(views: readonly StepView[]): StepId {
  return views.find(({ state }) => state === 'open' || state === 'attention')?.id ?? 'done'
}

function named(): StepId | undefined {
  const id = /^#\/setup\/([a-z]+)/.exec(location.hash)?.[1]
  return steps.find((step) => step.id === id)?.id
}

/** The step that the address names; undefined for the wizard's own address. */
export function useStep(): StepId | undefined {
  const [step, setStep] = useState(named)
  useEffect(() => {
    const follow = (): void => setStep(named())
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return step
}
