import t, { type Test } from 'tap'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'
import { DoorClient } from './support/door-client.ts'
import { RawPeer, sdp, toTagOf } from './support/raw-peer.ts'
import { until } from '#test/support/until.ts'

async function open(t: Test) {
  const engine = await startBareEngine(t, { door: { host: '127.0.0.1', port: 0, secret: 'cymru' } })
  const port = engine.door?.port ?? 0
  return { engine, port, udpPort: portOf(engine, 'udp'), client: await DoorClient.open(t, port) }
}

async function authenticated(t: Test) {
  const world = await open(t)
  t.equal((await world.client.ask('a|authenticate|cymru|'))[2], 'OK')
  return world
}

void t.test('the hello names the endpoints and a version that the library accepts', async (t) => {
  const { client, udpPort } = await open(t)
  const hello = await client.ask('a|authenticate|cymru|tag1,tag2')
  t.same(hello.slice(0, 3), ['response', 'a', 'OK'])
  t.match(hello[3], `udp/127.0.0.1:${udpPort}`)
  t.match(hello[4], /^v0\.9\.\d+/)
})

void t.test('the door takes so many connections and no more', async (t) => {
  const engine = await startBareEngine(t, {
    door: { host: '127.0.0.1', port: 0, secret: 'cymru', maxConnections: 2 },
  })
  const port = engine.door?.port ?? 0
  const first = await DoorClient.open(t, port)
  const second = await DoorClient.open(t, port)
  t.equal((await second.ask('a|authenticate|cymru|'))[2], 'OK')
  const answerTo = async (client: DoorClient): Promise<string | undefined> =>
    Promise.race([
      client.ask('c|authenticate|cymru|').then((answer) => answer[2]),
      client.closed.then(() => 'refused'),
    ])
  t.equal(await answerTo(await DoorClient.open(t, port)), 'refused')
  first.close()
  await first.closed
  let answer: string | undefined
  // The far end of a closed connection learns of it a little later.
  do answer = await answerTo(await DoorClient.open(t, port))
  while (answer === 'refused')
  t.equal(answer, 'OK', 'a place is given back')
  t.equal((await second.ask('b|ping'))[2], 'OK', 'who was in stays in')
})

void t.test('nobody gets in without the secret', async (t) => {
  const { engine, port, udpPort } = await open(t)
  const attempts = [
    'a|authenticate|wrong|',
    'a|authenticate||',
    'a|authenticate|cymru2|',
    'a|authenticate',
    'a|route|invite',
    'a|ping',
    'a|sip||\r\nOPTIONS sip:x@127.0.0.1 SIP/2.0\r\n\r\n',
  ]
  for (const attempt of attempts) {
    const client = await DoorClient.open(t, port)
    t.same((await client.ask(attempt)).slice(0, 3), ['response', 'a', 'NO'], attempt)
    await client.closed
  }
  t.equal(engine.counters()['routes'], 0)
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('OPTIONS'))
  t.equal((await peer.nextResponse()).status, 503, 'no client for the verb')
})

void t.test('a stranger cannot keep megabytes waiting', async (t) => {
  const { port, client } = await open(t)
  const stranger = await DoorClient.open(t, port)
  stranger.write(`4000000#${'x'.repeat(20_000)}`)
  await stranger.closed
  t.equal((await client.ask('a|authenticate|cymru|'))[2], 'OK')
})

void t.test('garbage closes the link and nothing else', async (t) => {
  const { engine, port, client } = await open(t)
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '99999999#x', '3#abc', '#']) {
    const stranger = await DoorClient.open(t, port)
    stranger.write(garbage)
    await stranger.closed
  }
  t.equal((await client.ask('a|authenticate|cymru|'))[2], 'OK')
  t.same(await client.ask('b|ping'), ['response', 'b', 'OK', 'pong'])
  t.same(await client.ask('c|dance'), ['response', 'c', 'NO', 'Unknown message type'])
  await client.closed
  t.equal(engine.counters()['dialogsAlive'], 0)
})

void t.test('remove_route takes back one verb only', async (t) => {
  const { client, udpPort } = await authenticated(t)
  t.same(await client.ask('b|route|options'), ['response', 'b', 'OK'])
  t.same(await client.ask('c|route|message'), ['response', 'c', 'OK'])
  t.same(await client.ask('d|remove_route|options'), ['response', 'd', 'OK'])
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('OPTIONS'))
  t.equal((await peer.nextResponse()).status, 503)
  peer.send(peer.request('MESSAGE', { callId: 'm', contact: null }))
  const frame = await client.next()
  t.same([frame[1], frame[2], frame[4], frame[5]], ['sip', 'network', 'udp', '127.0.0.1'])
  t.equal(frame[11], String(udpPort), 'receivedOn')
})

void t.test('a body of 300 kB passes the door, where drachtio stops at 12 kB', async (t) => {
  const { client } = await authenticated(t)
  const body = 'x'.repeat(300_000)
  const answer = await client.ask(
    `b|sip||\r\nMESSAGE sip:x@127.0.0.1:9;transport=sctp SIP/2.0\r\ncontent-type: text/plain\r\n\r\n${body}`,
  )
  t.same(answer, ['response', 'b', 'NOK', 'requested protocol/transport not available'])
})

void t.test('commands that cannot be carried out are refused with a text', async (t) => {
  const { client, udpPort } = await authenticated(t)
  const table: [string, string][] = [
    ['sip|nobody|\r\nSIP/2.0 200 OK\r\n\r\n', 'Response not sent due to unknown transaction'],
    [
      'sip||nobody\r\nBYE sip:x SIP/2.0\r\n\r\n',
      'Server error: unable to find dialog for dialog id provided',
    ],
    [
      'sip||nobody\r\nACK sip:x SIP/2.0\r\n\r\n',
      'Server error: ACK for non-success final response is automatically generated',
    ],
    ['sip|nobody|\r\nCANCEL sip:x SIP/2.0\r\n\r\n', 'Server error: unknown transaction'],
    [`sip||\r\nOPTIONS sip:x@127.0.0.1:${udpPort} SIP/2.0\r\n\r\n`, 'can not send request to myself'],
    ['sip||\r\nMESSAGE sip:x@127.0.0.1:9 SIP/2.0\r\n\r\nhello', 'missing content-type'],
    ['sip||\r\nOPTIONS sip:@@ SIP/2.0\r\n\r\n', 'invalid request-uri: sip:@@'],
    ['sip||\r\nOPTIONS tel:+49 SIP/2.0\r\n\r\n', 'invalid request-uri: tel:+49'],
    ['sip||\r\nnonsense', 'invalid message'],
    ['sip||', 'invalid message'],
    [
      'proxy|nobody|||||||sip:x\r\nINVITE sip:x SIP/2.0\r\n\r\n',
      'Request not proxied due to unknown transaction',
    ],
  ]
  for (const [command, text] of table) {
    t.same(await client.ask(`q|${command}`), ['response', 'q', 'NOK', text])
  }
  t.equal(table.length, 11)
})

void t.test('a request proxied to nowhere gets 500, the application NOK', async (t) => {
  const { client, udpPort } = await authenticated(t)
  await client.ask('b|route|invite')
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE'), sdp)
  const transaction = (await client.next())[8] ?? ''
  const answer = await client.ask(`c|proxy|${transaction}|||||||sip:not a uri|http:x\r\n`)
  t.equal(answer[2], 'NOK')
  t.equal((await peer.nextResponse()).status, 500)
})

void t.test('a lost application: ringing calls get 503, its calls end, its dialogs are gone', async (t) => {
  const { engine, client, udpPort } = await authenticated(t)
  await client.ask('b|route|invite')
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { callId: 'answered' }), sdp)
  const transaction = (await client.next())[8] ?? ''
  const echo = await client.ask(`c|sip|${transaction}|\r\nSIP/2.0 200 OK\r\n\r\n`)
  t.same(echo.slice(0, 3), ['response', 'c', 'OK'])
  t.equal(echo[10], 'answered;from-tag=peer-tag')
  const ok = await peer.nextResponse(200)
  peer.send(peer.request('ACK', { callId: 'answered', toTag: toTagOf(ok) }))
  t.equal((await client.next())[8], transaction, 'the ACK carries the transaction of its INVITE')
  peer.send(peer.request('INVITE', { callId: 'ringing' }), sdp)
  await client.next()
  client.close()
  t.equal((await peer.nextResponse()).status, 503)
  const bye = await peer.nextRequest('BYE')
  t.equal(bye.headers.get('Call-ID'), 'answered')
  peer.send(peer.answer(bye, 200, 'OK'))
  await until(() => engine.counters()['dialogsAlive'] === 0)
  t.equal(engine.counters()['routes'], 0)
})

void t.test('new requests turn between applications, a dialog stays with its own', async (t) => {
  const { client, port, udpPort } = await authenticated(t)
  const other = await DoorClient.open(t, port)
  await other.ask('a|authenticate|cymru|')
  await client.ask('b|route|invite')
  await other.ask('b|route|invite')
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE', { callId: 'first' }), sdp)
  const first = await client.next()
  peer.send(peer.request('INVITE', { callId: 'second' }), sdp)
  const second = await other.next()
  t.match(second[1], 'sip')
  const stolen = await other.ask(`x|sip|${first[8] ?? ''}|\r\nSIP/2.0 200 OK\r\n\r\n`)
  t.equal(stolen[2], 'NOK', 'nobody answers for another')
})

void t.test('a REGISTER that a lost application has not answered goes to the next one', async (t) => {
  const { client, port, udpPort } = await authenticated(t)
  const other = await DoorClient.open(t, port)
  await other.ask('a|authenticate|cymru|')
  await client.ask('b|route|register')
  await other.ask('b|route|register')
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('REGISTER'))
  t.equal((await client.next())[1], 'sip')
  client.close()
  const transaction = (await other.next())[8] ?? ''
  await other.ask(`c|sip|${transaction}|\r\nSIP/2.0 200 OK\r\n\r\n`)
  t.equal((await peer.nextResponse()).status, 200)
})

void t.test('of two BYEs before the ACK the second is refused, the first is sent', async (t) => {
  const { client, udpPort } = await authenticated(t)
  await client.ask('b|route|invite')
  const peer = await RawPeer.open(t, udpPort)
  peer.send(peer.request('INVITE'), sdp)
  const transaction = (await client.next())[8] ?? ''
  client.send(`c|sip|${transaction}|\r\nSIP/2.0 200 OK\r\n\r\n${sdp}`)
  const dialog = (await client.next())[11] ?? ''
  t.match(dialog, /;from-tag=/)
  const toTag = toTagOf(await peer.nextResponse(200))
  client.send(`d|sip||${dialog}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
  t.same((await client.ask(`e|sip||${dialog}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)).slice(0, 3), [
    'response',
    'e',
    'NOK',
  ])
  peer.send(peer.request('ACK', { toTag }))
  await peer.nextRequest('BYE')
  t.equal((await client.next())[8], transaction, 'the ACK')
  t.same((await client.next()).slice(1, 4), ['response', 'd', 'OK'])
})
