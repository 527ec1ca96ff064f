import type { VNode } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { MetricsTokenMade, MetricsTokenView } from '#src/api/schema/metrics.ts'
import { ask } from '../api-client.ts'
import { formatMoment } from '../format.ts'
import { CopyValue } from '../ui/copy-value.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'

/** The token with which a Prometheus server reads the metrics of the box. */
export function MetricsToken(): VNode {
  const { data, failure, reload } = useResource<MetricsTokenView>('/api/metrics/token')
  const [made, setMade] = useState<string>()
  const make = useAction(async () => {
    setMade((await ask<MetricsTokenMade>('POST', '/api/metrics/token')).token)
    reload()
  })
  const remove = useAction(async () => {
    await ask('DELETE', '/api/metrics/token')
    setMade(undefined)
    reload()
  })
  const heading = useRef<HTMLHeadingElement>(null)
  // A button that is disabled or gone has lost the focus.
  const press = async (action: typeof make): Promise<void> => {
    await action.run()
    heading.current?.focus()
  }
  const madeAtMs = data?.madeAtMs ?? null
  const busy = make.busy || remove.busy
  return (
    <section aria-labelledby="metrics" class="card narrow">
      <h2 id="metrics" ref={heading} tabIndex={-1}>
        Metrics
      </h2>
      <p>
        Prometheus reads the figures of this box from <code>{location.origin}/api/metrics</code> with a token
        of its own, which opens nothing else.
      </p>
      <Failure failure={failure} onRetry={reload} />
      {made !== undefined && (
        <>
          <dl class="copy-list">
            <CopyValue name="Token" value={made} secret />
          </dl>
          <p class="muted">It is shown this once. In Prometheus it is the credentials of “authorization”.</p>
        </>
      )}
      {data && made === undefined && (
        <p class="muted">
          {madeAtMs === null ? 'There is no token.' : `A token was made: ${formatMoment(madeAtMs)}.`}
        </p>
      )}
      <p class="save-actions">
        <button type="button" disabled={busy} onClick={() => void press(make)}>
          {madeAtMs === null ? 'Make a token' : 'Make a new token'}
        </button>
        {madeAtMs !== null && (
          <button type="button" class="danger" disabled={busy} onClick={() => void press(remove)}>
            Take it away
          </button>
        )}
      </p>
      <Failure failure={make.failure ?? remove.failure} />
    </section>
  )
}
