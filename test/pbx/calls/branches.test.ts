import t from 'tap'
import type { Binding } from '#src/model/binding.ts'
import type { BranchContext } from '#src/pbx/calls/attempt.ts'
import { makeBranch } from '#src/pbx/calls/branches.ts'
import { SipFailure, type OutgoingInvite, type SipPort } from '#src/pbx/sip-port.ts'
import { TrunkState } from '#src/pbx/uplink/trunk-state.ts'
import { plainSdp } from '#test/pbx/support/wire-phone.ts'
import { someLine } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const binding: Binding = {
  aor: 'ben',
  contactUri: 'sip:ben@192.0.2.7',
  instanceId: undefined,
  callId: 'c',
  cseq: 1,
  qThousandths: 1000,
  expiresAtMs: 1,
  registeredAtMs: 0,
  flow: { protocol: 'tls', host: '192.0.2.7', port: 5061 },
  userAgent: undefined,
}
const party = { kind: 'line', id: 'ben', number: '1', displayName: undefined } as const

/** A party that refuses with these statuses, one per INVITE, after ringing where told so. */
function setUp(answers: { status: number; rings?: boolean; retryAfterMs?: number }[]) {
  const clock = new FakeClock()
  const invites: OutgoingInvite[] = []
  const uris: string[] = []
  const deleted: string[] = []
  const hosts = ['sip', 'sip2', 'sip3'].map((name) => ({ name, port: 5061, address: undefined }))
  const state = new TrunkState({ hosts, intervalMs: 60_000, clock, onChange: () => undefined })
  const context: BranchContext = {
    callId: 'call',
    callerSdp: 'offer',
    callerMedia: { profile: 'RTP/AVP', localAddress: '192.0.2.1' },
    caller: party,
    callerNumber: '+491',
    hops: 69,
    single: true,
    sip: {
      async invite(target: { uri: string }, invite: OutgoingInvite) {
        const answer = answers[invites.length] ?? { status: 500 }
        invites.push(invite)
        uris.push(target.uri)
        if (answer.rings) invite.onProvisional(180, '')
        throw new SipFailure(answer.status, '', answer.retryAfterMs)
      },
    } as unknown as SipPort,
    relay: {
      offer: async ({ toward }: { toward: { profile: string } }) =>
        plainSdp(4000).replace('RTP/AVP', toward.profile),
      delete: async (id: string) => void deleted.push(id),
    } as unknown as BranchContext['relay'],
    mediaAddressToward: async () => ({ localAddress: '192.0.2.1' }),
    teams: { identity: { sbcFqdn: 'sbc.example', contactPort: 5061 }, state },
    trace: undefined,
    reach: { isOpen: () => true, lost: () => undefined },
    clock,
    logger: new MemoryLogger(),
  }
  const ring = async (target: Parameters<typeof makeBranch>[0]) => {
    const events = { ringing: () => undefined, earlyMedia: () => undefined }
    const branch = makeBranch(target, 0, party, context)
    return branch.ring(events, new AbortController().signal).catch((error: SipFailure) => error.status)
  }
  const profiles = () => invites.map(({ sdp }) => /^m=audio \d+ (\S+)/m.exec(sdp)?.[1])
  return { ring, profiles, invites, uris, deleted, state, clock }
}

const phone = { kind: 'phone', line: someLine(), binding, user: undefined } as const
const teams = { kind: 'teams', number: '+492', user: undefined } as const

t.test('a phone with TLS and no SRTP is asked once more, without', async (t) => {
  const { ring, profiles, deleted, invites } = setUp([{ status: 488 }, { status: 486 }])
  t.equal(await ring(phone), 486)
  t.same(profiles(), ['RTP/SAVP', 'RTP/AVP'])
  t.same(deleted, ['call-0-0', 'call-0-1'], 'no session is left of either')
  t.equal(invites[0]?.headers['Max-Forwards'], '69')
})

t.test('it is asked once only when it refused for another reason, rang, or has no TLS', async (t) => {
  const busy = setUp([{ status: 486 }])
  t.equal(await busy.ring(phone), 486)
  t.equal(busy.invites.length, 1)
  const rang = setUp([{ status: 488, rings: true }])
  t.equal(await rang.ring(phone), 488)
  t.equal(rang.invites.length, 1)
  const plain = setUp([{ status: 488 }])
  const flow = { ...binding.flow, protocol: 'udp' } as const
  t.equal(await plain.ring({ ...phone, binding: { ...binding, flow } }), 488)
  t.same(plain.profiles(), ['RTP/AVP'])
})

t.test('a Teams host that says 503 with Retry-After is left alone for that time', async (t) => {
  const { ring, uris, state, clock } = setUp([{ status: 503, retryAfterMs: 10_000 }, { status: 486 }])
  for (const name of ['sip', 'sip2', 'sip3']) state.noteOk(name)
  t.equal(await ring(teams), 486)
  t.same(uris, ['sip:+492@sip;user=phone', 'sip:+492@sip2;user=phone'])
  const order = () => state.hostsByPreference().map(({ name }) => name)
  t.same(order(), ['sip2', 'sip3', 'sip'])
  t.equal(state.health().state, 'up', 'an overloaded host is not a dead one')
  clock.advance(10_001)
  t.same(order(), ['sip', 'sip2', 'sip3'])
})
