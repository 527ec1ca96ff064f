import type { VNode } from 'preact'
import type { LiveCallsView, LiveCallView } from '#src/api/schema/calls.ts'
import type { LabView } from '#src/api/schema/people.ts'
import type { StepView } from '#src/api/schema/setup.ts'
import { Notice } from '../ui/notice.tsx'
import { partyName } from '../ui/party.tsx'
import { State } from '../ui/state.tsx'
import { useResource } from '../use-resource.ts'

/** The first call, live: from the first ring to the answer. */
export function FirstCall(props: { step: StepView }): VNode {
  const { data: lab } = useResource<LabView>('/api/lab')
  const call = useLiveCall()
  const numbers = lab?.on ? lab.people.filter(({ canSignIn, number }) => !canSignIn && number) : []
  return (
    <section class="card" aria-labelledby="first-call">
      <h2 id="first-call">The first call</h2>
      {numbers.length > 0 ? (
        <>
          <p>Dial one of the lab’s numbers on the phone:</p>
          <dl class="facts">
            {numbers.map(({ number, displayName, purpose }) => (
              <div key={number}>
                <dt>
                  <code>{number}</code>
                </dt>
                <dd>
                  {displayName} <span class="muted">{purpose}</span>
                </dd>
              </div>
            ))}
          </dl>
        </>
      ) : (
        <p>Dial a colleague’s number on the phone, or call the phone from Teams.</p>
      )}
      <div role="status">
        {call ? (
          <CallNews call={call} />
        ) : props.step.state === 'done' ? (
          <Notice tone="ok" title="A call was answered: the box works." />
        ) : (
          <p class="registration">
            <State light="wait">Waiting for a call …</State>
          </p>
        )}
      </div>
    </section>
  )
}

function CallNews(props: { call: LiveCallView }): VNode {
  const { call } = props
  const who = `${partyName(call.caller)} calls ${call.callees[0] ? partyName(call.callees[0]) : call.dialled}`
  if (call.state === 'answered') return <Notice tone="ok" title={`${who}: answered.`} />
  return (
    <p class="registration">
      <State light="wait">{`${who}: ${call.state}`}</State>
    </p>
  )
}

/** The latest call that is going on. Read anew with each event: an answer that was on its way might be older than the event. */
function useLiveCall(): LiveCallView | undefined {
  const { data } = useResource<LiveCallsView>('/api/calls/live', ['callStarted', 'callChanged', 'callEnded'])
  return data?.calls.at(-1)
}
