import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { ApiEventName } from '#src/api/schema/events.ts'
import { ask, asFailure, boxNow, type ApiFailure } from './api-client.ts'
import { onEvent } from './event-stream.ts'

/** Something read from the box: the last good answer stays while a newer one is fetched or fails. */
export interface Resource<Data> {
  data: Data | undefined
  failure: ApiFailure | undefined
  reload: () => void
}

const gatherMs = 120

/** Reads `path` now, after each reconnect, and whenever one of `events` says that it changed. */
export function useResource<Data>(path: string, events: readonly ApiEventName[] = []): Resource<Data> {
  const [data, setData] = useState<Data>()
  const [failure, setFailure] = useState<ApiFailure>()
  const latest = useRef(0)

  const reload = useCallback(() => {
    const mine = ++latest.current
    ask<Data>('GET', path).then(
      (answer) => {
        if (mine !== latest.current) return
        setData(answer)
        setFailure(undefined)
      },
      (error: unknown) => {
        if (mine === latest.current) setFailure(asFailure(error))
      },
    )
  }, [path])

  const eventKey = events.join()
  useEffect(() => {
    let timer: number | undefined
    // A burst of events is one reading.
    const soon = (): void => {
      window.clearTimeout(timer)
      timer = window.setTimeout(reload, gatherMs)
    }
    reload()
    const stops = [...new Set<ApiEventName>(['hello', ...events])].map((name) => onEvent(name, soon))
    return () => {
      latest.current++
      window.clearTimeout(timer)
      stops.forEach((stop) => stop())
    }
  }, [reload, eventKey])

  return { data, failure, reload }
}

/** One change at a time: busy while it runs, failure when it was refused. */
export interface Action<Args extends unknown[]> {
  busy: boolean
  failure: ApiFailure | undefined
  run: (...args: Args) => Promise<boolean>
  clear: () => void
}

/** Wraps a change so that a page can show that it runs and why it failed. `run` resolves to true on success. */
export function useAction<Args extends unknown[]>(work: (...args: Args) => Promise<void>): Action<Args> {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<ApiFailure>()
  const run = async (...args: Args): Promise<boolean> => {
    setBusy(true)
    setFailure(undefined)
    try {
      await work(...args)
      return true
    } catch (error) {
      setFailure(asFailure(error))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { busy, failure, run, clear: () => setFailure(undefined) }
}

/** Milliseconds of the box's wall clock, renewed each second while `on`. */
export function useNow(on = true): number {
  const [now, setNow] = useState(boxNow)
  useEffect(() => {
    if (!on) return
    const timer = window.setInterval(() => setNow(boxNow()), 1000)
    return () => window.clearInterval(timer)
  }, [on])
  return now
}
