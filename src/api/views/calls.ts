import type { CallParty, CallRecord, LiveCall } from '#src/model/call-record.ts'
import type { ApiStore } from '../ports.ts'
import type { CallView, LiveCallView, PartyView } from '../schema/calls.ts'

/** A live call as the page shows it: lines get the label of their device. */
export function viewLiveCall(call: LiveCall, store: ApiStore | undefined): LiveCallView {
  return {
    id: call.id,
    state: call.state,
    startedAtMs: call.startedAtMs,
    answeredAtMs: call.answeredAtMs ?? null,
    caller: viewParty(call.caller, store),
    dialled: call.dialled,
    callees: call.callees.map((party) => viewParty(party, store)),
  }
}

/** An ended call as the page shows it. */
export function viewCall(call: CallRecord, store: ApiStore | undefined): CallView {
  return {
    id: call.id,
    startedAtMs: call.startedAtMs,
    answeredAtMs: call.answeredAtMs ?? null,
    endedAtMs: call.endedAtMs,
    caller: viewParty(call.caller, store),
    dialled: call.dialled,
    callee: call.callee ? viewParty(call.callee, store) : null,
    cause: call.cause,
    sipStatus: call.sipStatus,
    explanation: call.explanation,
  }
}

/** A side of a call as the page shows it. */
export function viewParty(party: CallParty, store: ApiStore | undefined): PartyView {
  const line = party.kind === 'line' ? store?.lines.find(party.id) : undefined
  return {
    kind: party.kind,
    id: party.id,
    number: party.number,
    displayName: party.displayName ?? null,
    deviceLabel: (line && store?.devices.find(line.deviceId)?.label) ?? null,
  }
}
