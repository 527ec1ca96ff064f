import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { HealthView } from '#src/api/schema/health.ts'
import { ask } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Notice } from '../ui/notice.tsx'

const lookEveryMs = 1_000

/** Looks until the box that answers is one that has just begun, or says where to look instead. */
export function ComeBack(props: {
  title: string
  /** When it was told to go, epoch ms. */
  since: number
  /** How long it usually takes: `half a minute`. */
  usually: string
  /** After this it is said that something may be wrong, ms. */
  patienceMs: number
  /** Where the page will be found, when that is not here. */
  moved?: string | undefined
  /** What to do when the box does not come back here. */
  advice: string
  onBack: () => void
  onClose: () => void
}): VNode {
  const { since, moved, patienceMs, onBack } = props
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (moved) return
    const timer = window.setInterval(() => {
      setLate(Date.now() - since > patienceMs)
      ask<HealthView>('GET', '/api/health').then(
        ({ uptimeS, state }) => {
          const isNew = uptimeS * 1000 < Date.now() - since
          if (isNew && state !== 'starting') onBack()
        },
        () => undefined,
      )
    }, lookEveryMs)
    return () => window.clearInterval(timer)
  }, [moved])
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      {moved ? (
        <Notice tone="info" title="The page moves to another port.">
          Open <a href={moved}>{moved}</a> in {props.usually}.
        </Notice>
      ) : (
        <Notice tone="info" title="Waiting for the box to come back …">
          This page goes on by itself, usually within {props.usually}.
        </Notice>
      )}
      {late && (
        <Notice tone="warn" title="This takes unusually long.">
          {props.advice}
        </Notice>
      )}
    </Dialog>
  )
}
