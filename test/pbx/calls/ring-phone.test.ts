import t from 'tap'
import type { BranchContext } from '#src/pbx/calls/attempt.ts'
import { makeBranch } from '#src/pbx/calls/branches.ts'
import { SipFailure, type OutgoingInvite, type RequestTarget, type SipPort } from '#src/pbx/sip-port.ts'
import { plainSdp } from '#test/pbx/support/wire-phone.ts'
import { someBinding, someLine } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const party = { kind: 'line', id: 'ben', number: '1', displayName: undefined } as const
const flow = (port: number) => ({ protocol: 'udp', host: '192.0.2.1', port }) as const
const [first, second] = [1, 2].map((regId) => someBinding({ instanceId: 'x', regId, flow: flow(regId) }))
if (!first || !second) throw new Error('no bindings')
const phone = {
  kind: 'phone',
  line: someLine(),
  binding: first,
  otherFlows: [second],
  user: undefined,
} as const

interface Sent {
  target: RequestTarget
  invite: OutgoingInvite
  answer(): { byes: number }
  refuse(status: number): void
}

/** A network in the hands of the test: each INVITE waits for what the test says. */
function setUp() {
  const clock = new FakeClock()
  const sent: Sent[] = []
  const lost: (number | undefined)[] = []
  const deleted: string[] = []
  const rang: number[] = []
  const context: BranchContext = {
    callId: 'call',
    callerSdp: 'offer',
    callerMedia: { profile: 'RTP/AVP', localAddress: '192.0.2.1' },
    caller: party,
    callerNumber: undefined,
    hops: 69,
    single: true,
    sip: {
      invite: (target: RequestTarget, invite: OutgoingInvite) =>
        new Promise((resolve, reject) => {
          const dialog = { byes: 0, remoteSdp: plainSdp(1), bye: async () => void dialog.byes++ }
          sent.push({
            target,
            invite,
            answer: () => {
              resolve(dialog)
              return dialog
            },
            refuse: (status) => reject(new SipFailure(status, '')),
          })
        }),
    } as unknown as SipPort,
    relay: {
      offer: async () => plainSdp(4000),
      answer: async () => 'answer',
      delete: async (id: string) => void deleted.push(id),
    } as unknown as BranchContext['relay'],
    mediaAddressToward: async () => ({ localAddress: '192.0.2.1' }),
    teams: undefined,
    reach: { isOpen: () => undefined, lost: (binding) => lost.push(binding.regId) },
    clock,
    trace: undefined,
    logger: new MemoryLogger(),
  }
  const caller = new AbortController()
  const events = { ringing: () => rang.push(sent.length), earlyMedia: () => undefined }
  const result = makeBranch(phone, 0, party, context)
    .ring(events, caller.signal)
    .then(
      (leg) => leg.sessionId,
      (error: SipFailure) => error.status,
    )
  const nth = async (count: number): Promise<Sent> => {
    while (sent.length < count) await new Promise((resolve) => setImmediate(resolve))
    return sent[count - 1] as Sent
  }
  return { clock, sent, lost, deleted, rang, result, nth, caller }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

t.test('the next flow is tried on 430, 408 and 503, and 430 ends the flow', async (t) => {
  for (const status of [430, 408, 503]) {
    const { nth, result, lost, deleted } = setUp()
    ;(await nth(1)).refuse(status)
    const over = await nth(2)
    t.equal(over.target.proxy, 'sip:192.0.2.1:2;transport=udp')
    over.answer()
    t.equal(await result, 'call-0-1')
    t.same(lost, status === 430 ? [1] : [])
    t.same(deleted, ['call-0-0'])
  }
})

t.test('what the phone or its owner says is not asked for twice', async (t) => {
  const busy = setUp()
  ;(await busy.nth(1)).refuse(486)
  t.equal(await busy.result, 486)
  const rang = setUp()
  const invite = await rang.nth(1)
  invite.invite.onProvisional(180, '')
  rang.clock.advance(60_000)
  await settled()
  invite.refuse(408)
  t.equal(await rang.result, 408, 'nor what failed after somebody heard it ring')
  t.equal(rang.sent.length, 1)
})

t.test('a flow without any sign is left after five seconds, the last one never', async (t) => {
  const { nth, result, clock, sent, deleted } = setUp()
  const silent = await nth(1)
  clock.advance(4_999)
  await settled()
  t.equal(sent.length, 1)
  clock.advance(1)
  const patient = await nth(2)
  t.ok(silent.invite.signal.aborted, 'CANCEL for the first')
  clock.advance(30_000)
  await settled()
  t.notOk(patient.invite.signal.aborted)

  // The first answers after all: nobody waits for it any more.
  const late = silent.answer()
  patient.answer()
  t.equal(await result, 'call-0-1')
  await settled()
  t.equal(late.byes, 1)
  t.same(deleted, ['call-0-0'], 'and its media session is gone')
})

t.test('a caller who gives up meanwhile is followed over every flow', async (t) => {
  const { nth, result, clock, caller, sent } = setUp()
  const silent = await nth(1)
  clock.advance(5_000)
  const second = await nth(2)
  caller.abort(new Error('cancelled'))
  t.ok(second.invite.signal.aborted)
  second.refuse(487)
  silent.refuse(487)
  t.equal(await result, 487)
  t.equal(sent.length, 2)
})
