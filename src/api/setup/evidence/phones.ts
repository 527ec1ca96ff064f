import type { CallParty } from '#src/model/call-record.ts'
import type { ApiStore } from '../../ports.ts'
import type { ApiContext } from '../../context.ts'
import { need } from '../../context.ts'
import { savedSettings } from '../saved-settings.ts'
import { count, sentences, type Evidence, type EvidenceSources } from './evidence.ts'
import { localTime } from './place.ts'

const pageOfCalls = 100
const maxPages = 10

/** Phones: registered, signed in, and one call answered. */
export function phonesEvidence({ context }: EvidenceSources): Evidence {
  const store = need(context, 'store')
  const nowMs = context.options.clock.nowMs()
  const lines = store.lines.list().length
  const registered = new Set(store.bindings.all(nowMs).map(({ aor }) => aor)).size
  const signedIn = store.signIns.list().length
  if (lines === 0) return { state: 'open', evidence: 'No phone is added yet.' }
  const call = answeredCall(context, store)
  const phones = `${registered} of ${count(lines, 'phone')} registered, ${signedIn} signed in.`
  if (!call) {
    const next =
      registered === 0
        ? 'A phone must register next.'
        : signedIn === 0
          ? 'Somebody must sign in on a phone next.'
          : 'No call was answered so far.'
    return { state: 'open', evidence: sentences(phones, next) }
  }
  const heard = `${partyName(call.caller)} called ${call.dialled}, answered at ${call.time}.`
  if (registered === 0)
    return { state: 'attention', evidence: sentences('No phone is registered now.', heard) }
  return { state: 'done', evidence: sentences(phones, heard) }
}

/** True once a call was answered: what the whole setup is for. */
export function firstCallAnswered(context: ApiContext): boolean {
  const { store } = context.parts
  return store !== undefined && answeredCall(context, store) !== undefined
}

/** The latest answered call that reached somebody; a feature code answered by the box itself is no call yet. */
function answeredCall(
  context: ApiContext,
  store: ApiStore,
): { caller: CallParty; dialled: string; time: string } | undefined {
  const live = context.parts.pbx
    ?.liveCalls()
    .find((call) => call.state === 'answered' && call.callees.some(({ kind }) => kind !== 'service'))
  const call = live ?? loggedCall(store)
  if (!call) return undefined
  const atMs = call.answeredAtMs ?? call.startedAtMs
  const { timeZone } = savedSettings(context).site
  const time = localTime(atMs, timeZone) ?? new Date(atMs).toISOString()
  return { caller: call.caller, dialled: call.dialled, time }
}

function loggedCall(store: ApiStore) {
  let beforeMs: number | undefined
  for (let page = 0; page < maxPages; page++) {
    const calls = store.callLog.list({ ...(beforeMs === undefined ? {} : { beforeMs }), limit: pageOfCalls })
    const answered = calls.find((call) => call.answeredAtMs !== undefined && call.callee?.kind !== 'service')
    if (answered || calls.length < pageOfCalls) return answered
    beforeMs = calls.at(-1)?.startedAtMs
  }
  return undefined
}

function partyName(party: CallParty): string {
  return party.displayName ?? party.number
}
