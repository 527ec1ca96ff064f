import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { HealthView } from '#src/api/schema/health.ts'
import { ask } from '../api-client.ts'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

const lookEveryMs = 500
/** Much longer than a start takes: something is wrong then, and waiting on does not mend it. */
const patienceMs = 120_000

interface Progress {
  value: number
  text: string
}

/** Restarts the box at once, shows how far it is, and calls back when it is up again. */
export function RestartBox(props: { onBack: () => void }): VNode {
  const [since, setSince] = useState<number>()
  const restart = useAction(async () => {
    await ask('POST', '/api/restart')
    setSince(Date.now())
  })
  useEffect(() => void restart.run(), [])
  if (restart.failure) return <Failure failure={restart.failure} onRetry={() => void restart.run()} />
  return <Coming since={since} onBack={props.onBack} />
}

function Coming(props: { since: number | undefined; onBack: () => void }): VNode {
  const { since, onBack } = props
  const [progress, setProgress] = useState<Progress>({ value: 5, text: 'The box stops in order …' })
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (since === undefined) return
    let live = true
    const timer = window.setInterval(() => {
      setLate(Date.now() - since > patienceMs)
      ask<HealthView>('GET', '/api/health').then(
        (health) => {
          if (!live || health.uptimeS * 1000 >= Date.now() - since) return
          if (health.state !== 'starting') onBack()
          else setProgress(startProgress(health))
        },
        () => setProgress({ value: 25, text: 'The box starts …' }),
      )
    }, lookEveryMs)
    return () => {
      live = false
      window.clearInterval(timer)
    }
  }, [since])
  return (
    <div class="restarting" role="status">
      <label for="restart-progress">{progress.text}</label>
      <progress id="restart-progress" max={100} value={progress.value} />
      <p class="muted">This page goes on by itself. Phones stay registered.</p>
      {late && (
        <Notice tone="warn" title="This takes unusually long.">
          Look at the console of the box, or switch it off and on.
        </Notice>
      )}
    </div>
  )
}

function startProgress({ parts }: HealthView): Progress {
  const up = parts.filter(({ state }) => state !== 'starting').length
  const next = parts.find(({ state }) => state === 'starting')?.name ?? 'everything'
  return { value: 40 + Math.round((60 * up) / Math.max(1, parts.length)), text: `Starting: ${next} …` }
}
