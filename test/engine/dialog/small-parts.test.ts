import t from 'tap'
import { SipHeaders } from '#src/sip/message.ts'
import { AcceptedInvite } from '#src/engine/dialog/accepted-invite.ts'
import { defaultContact, withLocalAddress } from '#src/engine/dialog/local-address.ts'
import { ReliableProvisionals } from '#src/engine/dialog/reliable-provisional.ts'
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
    { first: 10, invite: 1 },
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
  t.notOk(reliable.acknowledge('10 2 INVITE'), 'another CSeq')
  t.notOk(reliable.acknowledge('11 1 INVITE'), 'not on the wire yet')
  t.notOk(reliable.acknowledge(undefined))
  t.ok(reliable.acknowledge('10 1 INVITE'))
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
