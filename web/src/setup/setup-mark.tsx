import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { SetupView } from '#src/api/schema/setup.ts'
import { useResource } from '../use-resource.ts'
import { count } from '../format.ts'
import { onSetup } from './latest-setup.ts'

/** Beside the entry in the navigation: how much of the setup is open or left for later. */
export function SetupMark(props: { page: string }): VNode | null {
  const { data, reload } = useResource<SetupView>('/api/setup', ['settingsChanged', 'signedIn'])
  // Read anew with each page: evidence changes by more than events tell, and nothing here is urgent.
  useEffect(reload, [props.page])
  const [shown, setShown] = useState<SetupView>()
  useEffect(() => setShown(data), [data])
  // The wizard itself reads more often.
  useEffect(() => onSetup(setShown), [])
  if (!shown) return null
  const steps = shown.steps.filter(({ id }) => id !== 'done')
  const of = (...states: string[]): number => steps.filter(({ state }) => states.includes(state)).length
  const open = of('open', 'attention')
  const later = of('skipped')
  if (open + later === 0) return null
  const words = [open > 0 ? `${count(open, 'step')} open` : '', later > 0 ? `${later} left for later` : '']
  const text = words.filter(Boolean).join(', ')
  return (
    <span class={open > 0 ? 'nav-count open' : 'nav-count'} title={text}>
      <span aria-hidden="true">
        {open > 0 ? open : later}
        <span class="long"> {open > 0 ? 'open' : 'later'}</span>
      </span>
      <span class="visually-hidden">{text}</span>
    </span>
  )
}
