import { useEffect, useState } from 'preact/hooks'
import type { ApiEventName, ApiEvents } from '#src/api/schema/events.ts'

type Listener = (fact: never) => void

const names: ApiEventName[] = [
  'hello',
  'bindingChanged',
  'devicesChanged',
  'adoptionChanged',
  'subscriptionChanged',
  'enrolmentsChanged',
  'policiesChanged',
  'settingsChanged',
  'bansChanged',
  'callStarted',
  'callChanged',
  'callEnded',
  'trunkChanged',
  'signedIn',
  'signedOut',
  'signInFailed',
  'health',
]

const listeners = new Map<ApiEventName, Set<Listener>>()
const linkListeners = new Set<(up: boolean) => void>()
const retryMs = 3_000
let source: EventSource | undefined
let retry: number | undefined

/** Opens the one stream of the page. A hidden page gives its connection back and reads anew when it is seen. */
export function startEvents(): () => void {
  const follow = (): void => (document.hidden ? close() : open())
  document.addEventListener('visibilitychange', follow)
  follow()
  return () => {
    document.removeEventListener('visibilitychange', follow)
    close()
  }
}

function open(): void {
  if (source) return
  source = new EventSource('/api/events')
  source.onopen = () => tellLink(true)
  source.onerror = () => {
    tellLink(false)
    // The browser retries by itself after a network error, but gives up on an error answer.
    if (source?.readyState === EventSource.CLOSED) {
      close()
      retry = window.setTimeout(open, retryMs)
    }
  }
  for (const name of names) {
    source.addEventListener(name, (event) => {
      const fact = JSON.parse((event as MessageEvent<string>).data) as never
      for (const listener of listeners.get(name) ?? []) listener(fact)
    })
  }
}

function close(): void {
  window.clearTimeout(retry)
  source?.close()
  source = undefined
}

function tellLink(up: boolean): void {
  for (const listener of linkListeners) listener(up)
}

/** Listens until the returned function is called. */
export function onEvent<Name extends ApiEventName>(
  name: Name,
  listener: (fact: ApiEvents[Name]) => void,
): () => void {
  let set = listeners.get(name)
  if (!set) listeners.set(name, (set = new Set()))
  set.add(listener)
  return () => set.delete(listener)
}

/** True while the stream is up (and before it was ever tried). */
export function useLink(): boolean {
  const [up, setUp] = useState(true)
  useEffect(() => {
    linkListeners.add(setUp)
    return () => void linkListeners.delete(setUp)
  }, [])
  return up
}
