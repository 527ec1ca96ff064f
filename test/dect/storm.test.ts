import t from 'tap'
import { freePort } from '#test/peers/free-port.ts'
import { SippDect } from '#test/peers/sipp-dect.ts'
import { startOffice, type TestOffice } from '#test/pbx/support/test-office.ts'
import { someDevice, someLine } from '#test/store/store-fixture.ts'
import { TcpServerPeer, type TcpAccount } from './tcp-server-peer.ts'

// What a DECT server does to a registrar: every handset of the site behind one address, all at the same moment.

function addHandsets(office: TestOffice, count: number): TcpAccount[] {
  office.store.devices.save(someDevice({ id: 'server', kind: 'dect-server', mac: '0090330a0b0c' }))
  return Array.from({ length: count }, (_, index) => {
    const id = `h${index}`
    const username = `handset${index}`
    office.store.devices.save(
      someDevice({ id, kind: 'dect-handset', parentId: 'server', mac: undefined, label: id }),
    )
    office.store.lines.add(
      someLine({ id: `line-${id}`, deviceId: id, username, label: id }),
      `secret${index}`,
    )
    return { username, password: `secret${index}` }
  })
}

const bindingsOf = ({ store }: TestOffice, { username }: TcpAccount) =>
  store.bindings.find(username, Date.now())

t.test('five hundred handsets come back at once over UDP, again and again', async (t) => {
  const office = await startOffice(t)
  const accounts = addHandsets(office, 500)
  const radio = new SippDect({ port: await freePort(), target: `127.0.0.1:${office.engine.udpPort}` })
  for (let round = 0; round < 3; round++) {
    const startMs = performance.now()
    const result = await radio.register(accounts)
    const tookMs = Math.round(performance.now() - startMs)
    t.match(result, { successful: 500, failed: 0 }, result.errors)
    t.ok(tookMs < 5000, `${tookMs} ms, ${result.retransmissions} sent again`)
  }
  t.ok(
    accounts.every((account) => bindingsOf(office, account).length === 1),
    'one binding each',
  )
  t.equal(
    new Set(accounts.flatMap((account) => bindingsOf(office, account)).map(({ callId }) => callId)).size,
    500,
  )
  const counters = office.pbx.counters()
  t.equal(counters['registersAccepted'], 1500)
  t.equal(counters['registersRefused'], 0)
})

t.test('fifty handsets share one TCP connection, and each is called on it alone', async (t) => {
  const office = await startOffice(t)
  const accounts = addHandsets(office, 50)
  const listenPort = await freePort()
  const first = await TcpServerPeer.open(t, office.engine.tcpPort)
  for (let round = 0; round < 3; round++) {
    t.strictSame(
      await first.registerAll(accounts, listenPort),
      accounts.map(() => 200),
    )
  }
  first.cut()
  const second = await TcpServerPeer.open(t, office.engine.tcpPort)
  t.strictSame(
    await second.registerAll(accounts, listenPort),
    accounts.map(() => 200),
    'after a power cut over a new connection',
  )
  t.ok(
    accounts.every((account) => bindingsOf(office, account).length === 1),
    'one binding each',
  )

  const caller = await office.phone('reception', { name: 'Ben', number: '+493055501002' })
  for (const { username } of accounts) {
    const from = second.heard.length
    const call = await caller.call(username)
    const { uriUser } = await second.refuseCall(from)
    if (uriUser !== username) t.fail(`${uriUser} rang for ${username}`)
    const final = await call.answered()
    if (final.status !== 486) t.fail(`${username}: ${final.startLine}`)
  }
  const invites = second.heard.filter(({ startLine }) => startLine.startsWith('INVITE '))
  t.equal(invites.length, 50, 'nobody else rang')
  await office.expectNoLeak(t)
})

t.test('a server may use one challenge for all its handsets, but no proof twice', async (t) => {
  const office = await startOffice(t)
  const [one, two] = addHandsets(office, 2)
  if (!one || !two) throw new Error('two were added')
  const socket = await office.phone('any')
  const register = (account: TcpAccount, callId: string, authorization: string[]) => {
    socket.send([
      'REGISTER sip:127.0.0.1 SIP/2.0',
      socket.via(),
      `From: <sip:${account.username}@127.0.0.1>;tag=${callId}`,
      `To: <sip:${account.username}@127.0.0.1>`,
      `Call-ID: ${callId}`,
      'CSeq: 1 REGISTER',
      'Max-Forwards: 70',
      'User-Agent: IP-DECT test server',
      `Contact: <sip:${account.username}@127.0.0.1:${socket.port}>`,
      ...authorization,
    ])
    return socket.final({ callId }, 1, 'REGISTER')
  }
  const challenge = await register(one, 'a', [])
  t.equal(challenge.status, 401)
  const proof = (account: TcpAccount) =>
    `Authorization: ${socket.answer(challenge, 'REGISTER', 'sip:127.0.0.1', account)}`
  const ofOne = proof(one)
  t.equal((await register(one, 'b', [ofOne])).status, 200)
  t.equal((await register(two, 'c', [proof(two)])).status, 200, 'the same nonce with the next count')
  const replayed = await register(one, 'd', [ofOne])
  t.equal(replayed.status, 401)
  t.match(replayed.header('WWW-Authenticate'), /stale=true/i, 'it is asked to try again, not refused')
})
