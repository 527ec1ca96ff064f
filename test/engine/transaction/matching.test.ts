import t from 'tap'
import type { SipRequest } from '#src/sip/message.ts'
import { request, TableWorld } from './table-world.ts'

const cookie = 'SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKone'
const old = 'SIP/2.0/UDP 192.0.2.2:5070;branch=1'
const bare = 'SIP/2.0/UDP 192.0.2.2:5070'

function changed(method: string, via: string, headers: Record<string, string>, uri = 'sip:b@x'): SipRequest {
  const message = request(method, via)
  message.uri = uri
  for (const [name, value] of Object.entries(headers)) message.headers.set(name, value)
  return message
}

void t.test('RFC 3261 17.2.3: which request belongs to a transaction that is there', async (t) => {
  const rows: [string, string, SipRequest, boolean][] = [
    ['the same branch', cookie, request('OPTIONS', cookie), true],
    // RFC 3261 7.3.1: tokens have no case.
    ['the branch in other letters', cookie, request('OPTIONS', cookie.toUpperCase()), true],
    ['another branch', cookie, request('OPTIONS', `${cookie}2`), false],
    ['another sent-by port', cookie, request('OPTIONS', cookie.replace('5070', '5071')), false],
    ['another sent-by host', cookie, request('OPTIONS', cookie.replace('192.0.2.2', '192.0.2.3')), false],
    [
      'sent-by with a name in other letters',
      'SIP/2.0/UDP Host.x;branch=z9hG4bKn',
      request('OPTIONS', 'SIP/2.0/UDP host.X;branch=z9hG4bKn'),
      true,
    ],
    ['another method', cookie, request('MESSAGE', cookie), false],
    ['another Call-ID, which does not count', cookie, changed('OPTIONS', cookie, { 'Call-ID': 'c2' }), true],
    ['another received', cookie, request('OPTIONS', `${cookie};received=192.0.2.9`), true],
    [
      'the cookie and nothing behind it',
      'SIP/2.0/UDP h;branch=z9hG4bK',
      changed('OPTIONS', 'SIP/2.0/UDP h;branch=z9hG4bK', { 'Call-ID': 'c2' }),
      false,
    ],
    ['RFC 2543: all the same', old, request('OPTIONS', old), true],
    ['RFC 2543: no branch at all', bare, request('OPTIONS', bare), true],
    ['RFC 2543: another Request-URI', old, changed('OPTIONS', old, {}, 'sip:c@x'), false],
    ['RFC 2543: another From tag', old, changed('OPTIONS', old, { From: '<sip:a@x>;tag=g' }), false],
    ['RFC 2543: another Call-ID', old, changed('OPTIONS', old, { 'Call-ID': 'c2' }), false],
    ['RFC 2543: another CSeq', old, changed('OPTIONS', old, { CSeq: '2 OPTIONS' }), false],
    ['RFC 2543: another top Via', old, request('OPTIONS', `${old}2`), false],
    ['RFC 2543: another method', old, request('MESSAGE', old), false],
  ]
  for (const [name, via, second, same] of rows) {
    const w = new TableWorld(false)
    w.receive(request('OPTIONS', via))
    w.receive(second)
    t.equal(w.servers.length, same ? 1 : 2, name)
    w.layer.stop()
  }
  t.equal(rows.length, 18)
})

void t.test('RFC 3261 17.2.3: which INVITE an ACK, PRACK or BYE belongs to', async (t) => {
  const tagged = { To: '<sip:b@x>;tag=t' }
  const rows: [string, string, SipRequest, string[], string][] = [
    ['ACK with the branch', cookie, changed('ACK', cookie, tagged), [], 'confirmed'],
    ['ACK with a branch of its own', cookie, changed('ACK', `${cookie}2`, tagged), ['^2xxACK'], 'completed'],
    [
      'ACK with another sent-by',
      cookie,
      changed('ACK', cookie.replace('5070', '5071'), tagged),
      ['^2xxACK'],
      'completed',
    ],
    ['ACK of RFC 2543 with the tag of our answer', old, changed('ACK', old, tagged), [], 'confirmed'],
    ['ACK of RFC 2543 without Via branch', bare, changed('ACK', bare, tagged), [], 'confirmed'],
    [
      'ACK of RFC 2543 with another Call-ID',
      old,
      changed('ACK', old, { ...tagged, 'Call-ID': 'c2' }),
      ['^2xxACK'],
      'completed',
    ],
    [
      'ACK of RFC 2543 with another CSeq',
      old,
      changed('ACK', old, { ...tagged, CSeq: '2 ACK' }),
      ['^2xxACK'],
      'completed',
    ],
    ['PRACK is a request of its own', cookie, changed('PRACK', cookie, tagged), ['^PRACK'], 'completed'],
    ['BYE is a request of its own', cookie, changed('BYE', cookie, tagged), ['^BYE'], 'completed'],
  ]
  for (const [name, via, second, told, state] of rows) {
    const w = new TableWorld(false)
    w.receive(request('INVITE', via))
    w.respond(486)
    w.effect()
    w.receive(second)
    const effect = w.effect()
    t.same(effect.did, told, name)
    t.equal(effect.state, state, name)
    w.layer.stop()
  }
  t.equal(rows.length, 9)
})

void t.test('RFC 3261 9.2: CANCEL finds its INVITE in every state, and is answered by itself', async (t) => {
  const before: [string, (w: TableWorld) => void, string][] = [
    ['before the INVITE', () => undefined, '^CANCEL'],
    ['while it waits', (w) => w.receive(request('INVITE')), '^CANCEL:proceeding'],
    ['while it rings', (w) => (w.receive(request('INVITE')), w.respond(180)), '^CANCEL:proceeding'],
    ['after a failure', (w) => (w.receive(request('INVITE')), w.respond(486)), '^CANCEL:completed'],
    [
      'after its ACK',
      (w) => (w.receive(request('INVITE')), w.respond(486), w.receive(request('ACK'))),
      '^CANCEL:confirmed',
    ],
    ['after a 2xx', (w) => (w.receive(request('INVITE')), w.respond(200)), '^CANCEL:accepted'],
    [
      'when it is forgotten',
      (w) => (w.receive(request('INVITE')), w.respond(200), void w.clock.fire(32_000)),
      '^CANCEL',
    ],
    ['of another method', (w) => w.receive(request('OPTIONS')), '^CANCEL'],
  ]
  for (const [name, act, told] of before) {
    const w = new TableWorld(false)
    act(w)
    w.effect()
    w.receive(request('CANCEL'))
    t.same(w.effect().did, [told], name)
    w.receive(request('CANCEL'))
    t.same(w.effect().did, [], `${name}: its repetition is absorbed`)
    w.layer.stop()
    t.equal(w.clock.armed.length, 0)
  }
  t.equal(before.length, 8)
})

void t.test('a CANCEL through a NAT that changed sent-by needs the Call-ID as well', async (t) => {
  const moved = cookie.replace('192.0.2.2:5070', '198.51.100.7:40000')
  const w = new TableWorld(false)
  w.receive(request('INVITE'))
  w.effect()
  w.receive(request('CANCEL', moved))
  t.same(w.effect().did, ['^CANCEL:proceeding'])
  w.receive(changed('CANCEL', moved.replace('40000', '40001'), { 'Call-ID': 'c2' }))
  t.same(w.effect().did, ['^CANCEL'], "a stranger's Call-ID cancels nothing")
  w.layer.stop()
})

void t.test('RFC 3261 17.1.3: which response belongs to a request of ours', async (t) => {
  const rows: [string, string, (headers: Map<string, string>) => void, boolean][] = [
    ['branch and method', 'OPTIONS', () => undefined, true],
    ['branch in other letters', 'OPTIONS', (headers) => headers.set('Via', 'upper'), true],
    ['CSeq of another method', 'OPTIONS', (headers) => headers.set('CSeq', '1 BYE'), false],
    [
      'another CSeq number, which does not count',
      'OPTIONS',
      (headers) => headers.set('CSeq', '7 OPTIONS'),
      true,
    ],
    ['another Call-ID, which does not count', 'OPTIONS', (headers) => headers.set('Call-ID', 'c9'), true],
    ['no branch', 'OPTIONS', (headers) => headers.set('Via', 'SIP/2.0/UDP 192.0.2.1:5060'), false],
    ['no Via at all', 'OPTIONS', (headers) => headers.set('Via', 'nonsense'), false],
  ]
  for (const [name, method, change, heard] of rows) {
    const w = new TableWorld(false)
    w.ask(method)
    w.effect()
    w.answer(200, (answer) => {
      const wanted = new Map<string, string>()
      change(wanted)
      for (const [field, value] of wanted) {
        const via = answer.headers.get('Via') ?? ''
        answer.headers.set(field, value === 'upper' ? via.toUpperCase() : value)
      }
    })
    t.same(w.effect().did, heard ? ['^200'] : [], name)
    w.layer.stop()
  }
  t.equal(rows.length, 7)
})

void t.test('INVITE and CANCEL of ours share a branch and are told apart by CSeq', async (t) => {
  const w = new TableWorld(false)
  w.ask('INVITE')
  const { client } = w
  const branch = /branch=([^;]+)/.exec(client?.request.headers.get('Via') ?? '')?.[1] ?? ''
  const told: string[] = []
  const cancel = w.layer.createClient(
    request('CANCEL'),
    w.flow,
    { onResponse: (answer) => told.push(String(answer.status)), onFailed: (cause) => told.push(cause) },
    branch,
  )
  cancel.start()
  w.effect()
  t.match(cancel.request.headers.get('Via'), `branch=${branch};`, 'letter by letter')
  w.answer(200, (answer) => answer.headers.set('CSeq', '1 CANCEL'))
  t.same(told, ['200'])
  t.same(w.effect().did, [], 'the INVITE has heard nothing')
  w.answer(487)
  t.same(w.effect().did, ['>ACK', '^487'])
  w.layer.stop()
  t.equal(w.clock.armed.length, 0)
})
