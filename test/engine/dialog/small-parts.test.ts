import t from 'tap'
import { SipHeaders } from '#src/sip/message.ts'
import { AcceptedInvite } from '#src/engine/dialog/accepted-invite.ts'
import { defaultContact, withLocalAddress } from '#src/engine/dialog/local-address.ts'
import { ReliableProvisionals } from '#src/engine/dialog/reliable-provisional.ts'
import {
  acceptSession,
  answerSession,
  isTooShort,
  parseSessionExpires,
} from '#src/engine/dialog/session-timer.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { fakeFlow } from '../support/fake-transport.ts'

const bases = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 }

void t.test('a 2xx is repeated from T1 up to T2 and given up at 64*T1 (RFC 3261 13.3.1.4)', async (t) => {
  const clock = new FakeClock()
  const repeated: number[] = []
  let gaveUpAtMs = 0
  const accepted = new AcceptedInvite(
    clock,
    bases,
    () => repeated.push(clock.monotonicMs()),
    () => (gaveUpAtMs = clock.monotonicMs()),
  )
  accepted.start()
  clock.advance(60_000)
  t.same(repeated, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
  t.equal(gaveUpAtMs, 32_000)
  t.equal(clock.pending, 0)
})

void t.test('reliable provisionals wait for each other and for their PRACK (RFC 3262 3)', async (t) => {
  const clock = new FakeClock()
  const sent: string[] = []
  let gaveUp = 0
  const reliable = new ReliableProvisionals(
    clock,
    bases,
    10,
    (response, again) => sent.push(`${clock.monotonicMs()} ${response.status}${again ? ' again' : ''}`),
    () => gaveUp++,
  )
  const provisional = (status: number) => ({
    kind: 'response' as const,
    status,
    reason: '',
    headers: new SipHeaders(),
    body: Buffer.alloc(0),
  })
  reliable.push(reliable.take(), provisional(180))
  reliable.push(reliable.take(), provisional(183))
  clock.advance(2000)
  t.same(sent, ['0 180', '500 180 again', '1500 180 again'])
  t.notOk(reliable.acknowledge('10 2 INVITE', 1), 'another CSeq')
  t.notOk(reliable.acknowledge('11 1 INVITE', 1), 'not on the wire yet')
  t.notOk(reliable.acknowledge(undefined, 1))
  t.ok(reliable.acknowledge('10 1 INVITE', 1))
  t.equal(sent.at(-1), '2000 183')
  t.equal(reliable.outstanding, 1)
  clock.advance(40_000)
  t.equal(gaveUp, 1)
  t.equal(clock.pending, 0)
})

void t.test('localhost becomes our address, as a host and nowhere else', async (t) => {
  const udp = fakeFlow('udp')
  const tls = { ...fakeFlow('tls'), advertisedPort: 5061 }
  const table: [string, string, typeof udp, string][] = [
    ['From', 'sip:a@localhost', udp, 'sip:a@192.0.2.1:5060'],
    ['From', '"localhost" <sip:a@localhost>;tag=1', udp, '"localhost" <sip:a@192.0.2.1:5060>;tag=1'],
    ['To', '<sip:localhost>', udp, '<sip:192.0.2.1:5060>'],
    ['Contact', 'sip:a@localhost', udp, '<sip:a@192.0.2.1:5060>'],
    ['Contact', '<sip:a@localhost:9>', tls, '<sip:a@192.0.2.1:5061;transport=tls>'],
    ['Contact', '<sip:a@localhost;transport=tcp>;x', tls, '<sip:a@192.0.2.1:5061;transport=tcp>;x'],
    ['P-Asserted-Identity', '<sip:a@localhost>', udp, '<sip:a@192.0.2.1:5060>'],
    ['From', '<sip:localhost@example.org>', udp, '<sip:localhost@example.org>'],
    ['From', '<sip:a@localhost.example.org>', udp, '<sip:a@localhost.example.org>'],
    ['Subject', 'sip:a@localhost', udp, 'sip:a@localhost'],
  ]
  for (const [name, value, flow, expected] of table) t.equal(withLocalAddress(name, value, flow), expected)
  t.equal(table.length, 10)
  t.equal(defaultContact(udp), '<sip:192.0.2.1:5060>')
  t.equal(defaultContact(tls), '<sip:192.0.2.1:5061;transport=tls>')
  t.equal(defaultContact({ ...udp, advertisedHost: '2001:db8::1' }), '<sip:[2001:db8::1]:5060>')
})

void t.test('session timers are agreed as RFC 4028 9 says', async (t) => {
  const asked = (value: string, supported = 'timer'): SipHeaders =>
    new SipHeaders(['Session-Expires', value, 'Supported', supported])
  t.same(parseSessionExpires('1800;refresher=UAC'), { intervalS: 1800, refresher: 'uac' })
  t.equal(parseSessionExpires('soon'), undefined)
  t.equal(answerSession(new SipHeaders(), undefined), undefined)
  t.same(answerSession(asked('1800;refresher=uas'), undefined), {
    agreement: { intervalS: 1800, refresher: 'us' },
    fields: ['Session-Expires', '1800;refresher=uas'],
  })
  t.same(answerSession(asked('60'), undefined), {
    agreement: { intervalS: 90, refresher: 'peer' },
    fields: ['Session-Expires', '90;refresher=uac', 'Require', 'timer'],
  })
  t.match(answerSession(asked('600', ''), undefined), { agreement: { refresher: 'us' } })
  t.match(
    answerSession(asked('600'), new SipHeaders(['Session-Expires', '1200;refresher=uas'])),
    { agreement: { intervalS: 1200, refresher: 'us' } },
    'the application wins',
  )
  t.same(acceptSession(new SipHeaders(['Session-Expires', '1800;refresher=uas'])), {
    intervalS: 1800,
    refresher: 'peer',
  })
  t.same(acceptSession(new SipHeaders(['Session-Expires', '1800'])), { intervalS: 1800, refresher: 'us' })
  t.equal(isTooShort(asked('89')), true)
  t.equal(isTooShort(asked('90')), false)
})
