import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { CallPage, CallView } from '#src/api/schema/calls.ts'
import { ask } from '../api-client.ts'
import { count, formatDuration, formatMoment } from '../format.ts'
import { Empty, Failure, Loading } from '../ui/notice.tsx'
import { Signalling, SignallingButton } from '../signalling/signalling.tsx'
import { Party, partyName } from '../ui/party.tsx'
import { State } from '../ui/state.tsx'
import { useAction, useResource } from '../use-resource.ts'

/** Ended calls, latest first, each with the sentence that says how it ended. */
export function CallLog(): VNode {
  const { data, failure, reload } = useResource<CallPage>('/api/calls?limit=50', ['callEnded'])
  const [older, setOlder] = useState<CallView[]>([])
  const [next, setNext] = useState<number | null>()
  const more = useAction(async () => {
    const from = next === undefined ? data?.next : next
    if (from === null || from === undefined) return
    const page = await ask<CallPage>('GET', `/api/calls?limit=50&before=${from}`)
    setOlder((now) => [...now, ...page.calls])
    setNext(page.next)
  })
  // Older pages join on to the first one by id: new calls push rows from the first page out of it.
  const [first, setFirst] = useState<CallView[]>([])
  useEffect(() => {
    if (data) setFirst((now) => merge(data.calls, older.length > 0 ? now : []))
  }, [data])
  const calls = merge(first, older)
  const [looked, setLooked] = useState<CallView>()
  const hasMore = (next === undefined ? data?.next : next) !== null
  return (
    <>
      <div class="page-head">
        <h1>Call log</h1>
        {data && data.total > 0 && <p class="muted">{count(data.total, 'call')}</p>}
      </div>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && calls.length === 0 && (
        <Empty title="No calls so far">
          <p>
            Each call is listed here when it ends, with a sentence that says how it went. Calls that are going
            on are under <a href="#/live">Live calls</a>.
          </p>
        </Empty>
      )}
      {calls.length > 0 && (
        <table class="table log">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col" class="number">
                Talked
              </th>
              <th scope="col">Result</th>
              <th>
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {calls.map((call) => (
              <Row key={call.id} call={call} onLook={() => setLooked(call)} />
            ))}
          </tbody>
        </table>
      )}
      {looked && (
        <Signalling
          callId={looked.id}
          title={`Signalling: ${partyName(looked.caller)} → ${looked.callee ? partyName(looked.callee) : looked.dialled}`}
          onClose={() => setLooked(undefined)}
        />
      )}
      <Failure failure={more.failure} />
      {calls.length > 0 && hasMore && (
        <button type="button" disabled={more.busy} onClick={() => void more.run()}>
          {more.busy ? 'Reading …' : 'Older calls'}
        </button>
      )}
    </>
  )
}

function Row(props: { call: CallView; onLook: () => void }): VNode {
  const { call } = props
  const answered = call.answeredAtMs !== null
  return (
    <tr>
      <td data-name="When">{formatMoment(call.startedAtMs)}</td>
      <td data-name="From">
        <Party party={call.caller} />
      </td>
      <td data-name="To">{call.callee ? <Party party={call.callee} /> : <code>{call.dialled}</code>}</td>
      <td data-name="Talked" class="number">
        {call.answeredAtMs === null ? '–' : formatDuration(call.endedAtMs - call.answeredAtMs)}
      </td>
      <td data-name="Result">
        <div class="outcome">
          <State light={answered ? 'ok' : call.sipStatus >= 500 ? 'bad' : 'off'} quiet>
            {answered ? 'answered' : 'not answered'}
          </State>
          <span>
            {call.explanation}
            {!answered && <span class="muted"> SIP {call.sipStatus}</span>}
          </span>
        </div>
      </td>
      <td class="actions">
        <SignallingButton of={partyName(call.caller)} onOpen={props.onLook} />
      </td>
    </tr>
  )
}

/** Both lists as one, each call once, latest first. */
function merge(fresh: CallView[], old: CallView[]): CallView[] {
  const byId = new Map([...old, ...fresh].map((call) => [call.id, call]))
  return [...byId.values()].sort((a, b) => b.startedAtMs - a.startedAtMs)
}
