import t from 'tap'
import { startInviteClient, stepInviteClient } from '#src/engine/transaction/invite-client.ts'
import { startInviteServer, stepInviteServer } from '#src/engine/transaction/invite-server.ts'
import { startNonInviteClient, stepNonInviteClient } from '#src/engine/transaction/non-invite-client.ts'
import { startNonInviteServer, stepNonInviteServer } from '#src/engine/transaction/non-invite-server.ts'

/**
 * Every state with every event, unreliable and reliable. The tables are the figures of RFC 3261 17 and RFC 6026 in
 * words: `state event -> next: actions`, `~` where both kinds of transport agree, `u` and `r` where they do not.
 * What does not stand in a table must change nothing and do nothing.
 */
interface Machine {
  name: string
  states: string[]
  events: string[]
  step(state: string, event: string, reliable: boolean): { state: string; actions: readonly string[] }
  table: string
}

const machines: Machine[] = [
  {
    name: 'INVITE client (17.1.1, RFC 6026 8.4)',
    states: ['calling', 'proceeding', 'completed', 'accepted', 'terminated'],
    events: [
      'provisional',
      'success',
      'failure',
      'timerA',
      'timerB',
      'timerC',
      'timerD',
      'timerM',
      'transportError',
    ],
    step: stepInviteClient,
    table: `
      ~ calling provisional -> proceeding: stopTimers startC deliver
      ~ calling success -> accepted: stopTimers startM deliver
      u calling failure -> completed: stopTimers sendAck startD deliver
      r calling failure -> terminated: stopTimers sendAck deliver
      ~ calling timerA -> calling: sendRequest restartA
      ~ calling timerB -> terminated: stopTimers reportTimeout
      ~ calling transportError -> terminated: stopTimers reportTransportError
      ~ proceeding provisional -> proceeding: stopTimers startC deliver
      ~ proceeding success -> accepted: stopTimers startM deliver
      u proceeding failure -> completed: stopTimers sendAck startD deliver
      r proceeding failure -> terminated: stopTimers sendAck deliver
      ~ proceeding timerC -> terminated: stopTimers reportTimeout
      ~ proceeding transportError -> terminated: stopTimers reportTransportError
      ~ completed failure -> completed: sendAck
      ~ completed timerD -> terminated: stopTimers
      ~ completed transportError -> terminated: stopTimers
      ~ accepted success -> accepted: deliver
      ~ accepted timerM -> terminated: stopTimers`,
  },
  {
    name: 'INVITE server (17.2.1, RFC 6026 8.5)',
    states: ['proceeding', 'completed', 'confirmed', 'accepted', 'terminated'],
    events: [
      'request',
      'provisional',
      'success',
      'failure',
      'ack',
      'timerG',
      'timerH',
      'timerI',
      'timerL',
      'timerT',
      'timerU',
      'transportError',
    ],
    step: stepInviteServer,
    table: `
      ~ proceeding request -> proceeding: resend
      ~ proceeding provisional -> proceeding: sendResponse startU
      ~ proceeding success -> accepted: sendResponse startL
      u proceeding failure -> completed: sendResponse startG startH
      r proceeding failure -> completed: sendResponse startH
      ~ proceeding timerT -> proceeding: sendTrying
      ~ proceeding timerU -> proceeding: reportUnanswered
      ~ proceeding transportError -> proceeding: reportTransportError
      ~ completed request -> completed: resend
      u completed ack -> confirmed: stopG startI
      r completed ack -> terminated: stopTimers
      ~ completed timerG -> completed: resend restartG
      ~ completed timerH -> terminated: stopTimers reportTimeout
      ~ completed transportError -> completed: reportTransportError
      ~ confirmed timerI -> terminated: stopTimers
      ~ accepted success -> accepted: sendResponse
      ~ accepted ack -> accepted: deliverAck
      ~ accepted timerL -> terminated: stopTimers
      ~ accepted transportError -> accepted: reportTransportError`,
  },
  {
    name: 'non-INVITE client (17.1.2)',
    states: ['trying', 'proceeding', 'completed', 'terminated'],
    events: ['provisional', 'success', 'failure', 'timerE', 'timerF', 'timerK', 'transportError'],
    step: stepNonInviteClient,
    table: `
      ~ trying provisional -> proceeding: deliver
      u trying success -> completed: stopTimers startK deliver
      r trying success -> terminated: stopTimers deliver
      u trying failure -> completed: stopTimers startK deliver
      r trying failure -> terminated: stopTimers deliver
      ~ trying timerE -> trying: sendRequest restartE
      ~ trying timerF -> terminated: stopTimers reportTimeout
      ~ trying transportError -> terminated: stopTimers reportTransportError
      ~ proceeding provisional -> proceeding: deliver
      u proceeding success -> completed: stopTimers startK deliver
      r proceeding success -> terminated: stopTimers deliver
      u proceeding failure -> completed: stopTimers startK deliver
      r proceeding failure -> terminated: stopTimers deliver
      ~ proceeding timerE -> proceeding: sendRequest restartEAtT2
      ~ proceeding timerF -> terminated: stopTimers reportTimeout
      ~ proceeding transportError -> terminated: stopTimers reportTransportError
      ~ completed timerK -> terminated: stopTimers`,
  },
  {
    name: 'non-INVITE server (17.2.2)',
    states: ['trying', 'proceeding', 'completed', 'terminated'],
    events: ['request', 'provisional', 'success', 'failure', 'timerJ', 'timerU', 'transportError'],
    step: stepNonInviteServer,
    table: `
      ~ trying provisional -> proceeding: sendResponse
      u trying success -> completed: sendResponse startJ
      r trying success -> terminated: sendResponse stopTimers
      u trying failure -> completed: sendResponse startJ
      r trying failure -> terminated: sendResponse stopTimers
      ~ trying timerU -> terminated: stopTimers reportTimeout
      ~ trying transportError -> trying: reportTransportError
      ~ proceeding request -> proceeding: resend
      ~ proceeding provisional -> proceeding: sendResponse
      u proceeding success -> completed: sendResponse startJ
      r proceeding success -> terminated: sendResponse stopTimers
      u proceeding failure -> completed: sendResponse startJ
      r proceeding failure -> terminated: sendResponse stopTimers
      ~ proceeding timerU -> terminated: stopTimers reportTimeout
      ~ proceeding transportError -> proceeding: reportTransportError
      ~ completed request -> completed: resend
      ~ completed timerJ -> terminated: stopTimers
      ~ completed transportError -> completed: reportTransportError`,
  },
]

function expectations(table: string): Map<string, string> {
  const expected = new Map<string, string>()
  for (const line of table.trim().split('\n')) {
    const match = /^\s*([~ur]) (\w+) (\w+) -> (\w+): ([\w ]*)$/.exec(line)
    if (!match) throw new Error(`not a line of a table: ${line}`)
    const [, kind, state, event, next, actions] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    for (const reliable of [false, true]) {
      if (kind === (reliable ? 'u' : 'r')) continue
      const key = `${state} ${event} ${reliable ? 'r' : 'u'}`
      if (expected.has(key)) throw new Error(`twice in the table: ${key}`)
      expected.set(key, `${next}: ${actions.trim()}`)
    }
  }
  return expected
}

for (const machine of machines) {
  void t.test(machine.name, async (t) => {
    const expected = expectations(machine.table)
    let checked = 0
    for (const state of machine.states) {
      for (const event of machine.events) {
        for (const reliable of [false, true]) {
          const key = `${state} ${event} ${reliable ? 'r' : 'u'}`
          const step = machine.step(state, event, reliable)
          const actual = `${step.state}: ${step.actions.join(' ')}`
          if (actual !== (expected.get(key) ?? `${state}: `)) {
            t.equal(actual, expected.get(key) ?? `${state}: `, key)
          }
          expected.delete(key)
          checked++
        }
      }
    }
    t.equal(checked, machine.states.length * machine.events.length * 2)
    t.same([...expected.keys()], [], 'every line of the table was met')
  })
}

void t.test('first steps', async (t) => {
  t.same(startInviteClient(false), { state: 'calling', actions: ['sendRequest', 'startA', 'startB'] })
  t.same(startInviteClient(true), { state: 'calling', actions: ['sendRequest', 'startB'] })
  t.same(startInviteServer(), { state: 'proceeding', actions: ['sendTrying', 'startU'] })
  t.same(startNonInviteClient(false), { state: 'trying', actions: ['sendRequest', 'startE', 'startF'] })
  t.same(startNonInviteClient(true), { state: 'trying', actions: ['sendRequest', 'startF'] })
  t.same(startNonInviteServer(), { state: 'trying', actions: ['startU'] })
})
