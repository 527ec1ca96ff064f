import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
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
  const madeAtMs = data?.madeAtMs ?? null
  const busy = make.busy || remove.busy
  return (
    <section aria-labelledby="metrics" class="card narrow">
      <h2 id="metrics">Metrics</h2>
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
        <button type="button" disabled={busy} onClick={() => void make.run()}>
          {madeAtMs === null ? 'Make a token' : 'Make a new token'}
        </button>
        {madeAtMs !== null && (
          <button type="button" class="danger" disabled={busy} onClick={() => void remove.run()}>
            Take it away
          </button>
        )}
      </p>
      <Failure failure={make.failure ?? remove.failure} />
    </section>
  )
}
