import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { LiveCallsView, LiveCallView } from '#src/api/schema/calls.ts'
import { ask } from '../api-client.ts'
import { onEvent } from '../event-stream.ts'
import { formatDuration } from '../format.ts'
import { Signalling, SignallingButton } from '../signalling/signalling.tsx'
import { Confirm } from '../ui/dialog.tsx'
import { Empty, Failure, Loading } from '../ui/notice.tsx'
import { Party, partyName } from '../ui/party.tsx'
import { State, type Light } from '../ui/state.tsx'
import { useAction, useNow, useResource } from '../use-resource.ts'

const lights: Record<LiveCallView['state'], Light> = {
  routing: 'wait',
  ringing: 'wait',
  answered: 'ok',
  ending: 'off',
}

/** Calls that are going on, kept up to date by events; durations tick on the box's time. */
export function LiveCalls(): VNode {
  const { data, failure, reload } = useResource<LiveCallsView>('/api/calls/live')
  const [calls, setCalls] = useState<LiveCallView[]>([])
  const [ending, setEnding] = useState<LiveCallView>()
  const [looked, setLooked] = useState<LiveCallView>()
  useEffect(() => {
    if (data) setCalls(data.calls)
  }, [data])
  useEffect(() => {
    const put = (call: LiveCallView): void =>
      setCalls((now) =>
        now.some(({ id }) => id === call.id)
          ? now.map((one) => (one.id === call.id ? call : one))
          : [...now, call],
      )
    const stops = [
      onEvent('callStarted', put),
      onEvent('callChanged', put),
      onEvent('callEnded', ({ id }) => setCalls((now) => now.filter((call) => call.id !== id))),
    ]
    return () => stops.forEach((stop) => stop())
  }, [])
  const now = useNow(calls.length > 0)
  const gone = ending && !calls.some(({ id }) => id === ending.id)
  useEffect(() => {
    if (gone) setEnding(undefined)
  }, [gone])
  return (
    <>
      <div class="page-head">
        <h1>Live calls</h1>
        {data && calls.length > 0 && (
          <p class="muted" role="status">
            {calls.length} going on
          </p>
        )}
      </div>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && calls.length === 0 && (
        <Empty title="No calls right now">
          <p>
            A call shows up here the moment somebody dials. Calls that ended are in the{' '}
            <a href="#/log">call log</a>.
          </p>
        </Empty>
      )}
      {calls.length > 0 && (
        <table class="table live">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col" class="number">
                Duration
              </th>
              <th>
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody aria-live="polite">
            {calls.map((call) => (
              <tr key={call.id}>
                <td data-name="State">
                  <State light={lights[call.state]}>{call.state}</State>
                </td>
                <td data-name="From">
                  <Party party={call.caller} />
                </td>
                <td data-name="To">
                  {call.callees.length === 0 ? (
                    <code>{call.dialled}</code>
                  ) : (
                    call.callees.map((party) => <Party key={`${party.kind}${party.id}`} party={party} />)
                  )}
                </td>
                {/* A clock that speaks each second would drown everything else. */}
                <td data-name="Duration" class="number" aria-live="off">
                  {formatDuration(now - (call.answeredAtMs ?? call.startedAtMs))}
                  {call.answeredAtMs === null && <span class="muted"> ringing</span>}
                </td>
                <td class="actions">
                  <SignallingButton of={partyName(call.caller)} onOpen={() => setLooked(call)} />{' '}
                  <button
                    type="button"
                    class="small"
                    aria-label={`Hang up the call from ${partyName(call.caller)}`}
                    onClick={() => setEnding(call)}
                  >
                    Hang up
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {looked && (
        <Signalling
          callId={looked.id}
          title={`Signalling: ${partyName(looked.caller)} → ${looked.dialled}`}
          onClose={() => setLooked(undefined)}
        />
      )}
      {ending && <HangUp call={ending} onClose={() => setEnding(undefined)} />}
    </>
  )
}

function HangUp(props: { call: LiveCallView; onClose: () => void }): VNode {
  const { call, onClose } = props
  const hangUp = useAction(async () => {
    await ask('DELETE', `/api/calls/live/${encodeURIComponent(call.id)}`)
    onClose()
  })
  const to = call.callees.map(partyName).join(', ') || call.dialled
  return (
    <Confirm
      title="Hang up this call?"
      action="Hang up"
      busy={hangUp.busy}
      onConfirm={() => void hangUp.run()}
      onClose={onClose}
    >
      <p>
        {partyName(call.caller)} → {to}. Both sides are cut off at once.
      </p>
      <Failure failure={hangUp.failure} />
    </Confirm>
  )
}
