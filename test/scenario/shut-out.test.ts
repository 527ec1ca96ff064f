import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { BanListView, BanView } from '#src/api/schema/bans.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp, type SippResult, type SippRun } from '#test/peers/sipp.ts'
import { registerScenario } from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, type SeededLine } from '#test/support/seed.ts'
import { until } from './office.ts'

// A whole box among strangers, each with an address of its own in 127.0.0.0/8: whoever scans, floods or guesses is shut
// out, and a phone that registers at a high rate meanwhile never is, whatever is sent in its name.

const box = await Box.prepare({
  lab: false,
  settings: { sip: { guard: { ownMachine: true, messagesPerSecond: 50 } } },
})
const [anna, ben, carla] = (await seedLines(box.dataDir, 3)) as [SeededLine, SeededLine, SeededLine]
await box.start()
await box.logIn()
t.teardown(async () => {
  await box.stop()
  box.remove()
})

const at = {
  phone: '127.0.0.11',
  scanner: '127.0.0.12',
  guesser: '127.0.0.13',
  flood: '127.0.0.14',
  misused: '127.0.0.15',
  misusedToo: '127.0.0.16',
  noise: '127.0.0.17',
}

/** One account: field0 is the username, field1 what SIPp makes credentials of. */
const account = ({ username, password }: Pick<SeededLine, 'username' | 'password'>): string[] => [
  username,
  `[authentication username=${username} password=${password}]`,
]

async function sipp(from: string, run: Omit<SippRun, 'localPort' | 'target'>): Promise<SippResult> {
  const port = run.transport === 't1' ? box.ports.tcp : box.ports.udp
  const extra = ['-i', from, ...(run.extra ?? [])]
  return startSipp({ ...run, localPort: await freePort(), target: `127.0.0.1:${port}`, extra }).done
}

async function bans(): Promise<BanListView> {
  return box.json<BanListView>('/api/bans')
}

const banOf = async (address: string): Promise<BanView | undefined> =>
  (await bans()).bans.find((ban) => ban.address === address)

const shutOut = (address: string): Promise<BanView> =>
  until(`a ban of ${address}`, 30_000, () => banOf(address))

/** A socket that says it is somebody: what a forger's packets look like from here. */
async function forger(t: Test, address: string): Promise<(text: string, times?: number) => Promise<void>> {
  const socket: Socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return async (text, times = 1) => {
    for (let count = 0; count < times; count++) {
      socket.send(text, box.ports.udp, '127.0.0.1')
      // Not more at once than the kernel keeps for a reader that has other work.
      if (count % 100 === 99) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const scan = (from: string): string =>
  [
    'OPTIONS sip:100@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP ${from}:5060;branch=z9hG4bK${Math.random()}`,
    `From: <sip:100@${from}>;tag=${Math.random()}`,
    'To: <sip:100@127.0.0.1>',
    `Call-ID: ${Math.random()}`,
    'CSeq: 1 OPTIONS',
    'User-Agent: friendly-scanner',
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n')

/** Whether a TCP connection from there stays open for as long as the box takes to look at it. */
async function mayConnect(from: string): Promise<boolean> {
  const socket = connect({ port: box.ports.tcp, host: '127.0.0.1', localAddress: from })
  // Who is shut out may see its connection end or be reset, as it was quicker to send or not.
  socket.on('error', () => undefined)
  const answered = new Promise<boolean>((resolve) => {
    socket.once('data', () => resolve(true))
    socket.once('close', () => resolve(false))
  })
  // A keep-alive (RFC 5626 4.4.1) is answered by who listens.
  socket.write('\r\n\r\n')
  const may = await answered
  socket.destroy()
  return may
}

t.test('abusers are shut out one by one, and the phone beside them registers all the time', async (t) => {
  const phone = sipp(at.phone, {
    scenario: registerScenario(),
    fields: [account(anna)],
    rate: 100,
    calls: 700,
  })
  const [scanner, guesser] = await Promise.all([
    sipp(at.scanner, {
      scenario: registerScenario().replaceAll('User-Agent: SIPp', 'User-Agent: friendly-scanner'),
      fields: [account(ben)],
      rate: 20,
      calls: 20,
      extra: ['-recv_timeout', '1000'],
    }),
    sipp(at.guesser, {
      scenario: registerScenario().replace('response="200"', 'response="403"'),
      fields: [account({ username: ben.username, password: 'guessed' })],
      rate: 40,
      calls: 60,
      extra: ['-recv_timeout', '1000'],
    }),
    (await forger(t, at.flood))(scan(at.flood).replace('friendly-scanner', 'Phone 1.0'), 2_000),
    (await forger(t, at.noise))('This is no SIP\r\n\r\n', 40),
  ])
  t.equal(scanner.successful, 0, 'a scanner gets no answer at all')
  t.ok(guesser.successful >= 30 && guesser.successful < 60, `${guesser.successful} guesses were answered`)
  t.match(await shutOut(at.scanner), { cause: 'scanner', reach: 'udp', times: 1, sample: /friendly-scanner/ })
  t.match(await shutOut(at.guesser), { cause: 'password', reach: 'all' })
  t.match(await shutOut(at.flood), { cause: 'flood', reach: 'udp' })
  t.match(await shutOut(at.noise), { cause: 'malformed', reach: 'udp', sample: /^This is no SIP/ })
  t.match(await phone, { successful: 700, failed: 0 }, '700 times 401 and 200, 200 messages a second')
  t.equal((await bans()).total, 4)
  t.equal(await mayConnect(at.guesser), false, 'who was proven to guess gets no connection either')
  t.equal(await mayConnect(at.scanner), true, 'who may have been forged does')
})

t.test('nothing that is forged in the name of a registered phone shuts it out', async (t) => {
  const phone = sipp(at.phone, {
    scenario: registerScenario(),
    fields: [account(anna)],
    rate: 50,
    calls: 150,
  })
  const forge = await forger(t, at.phone)
  await forge(scan(at.phone), 2_000)
  await forge('This is no SIP\r\n\r\n', 500)
  t.match(await phone, { successful: 150, failed: 0 })
  t.equal(await banOf(at.phone), undefined)
  const counters = await box.json<Record<string, number>>('/api/counters')
  t.ok((counters['sip.bansSpared'] ?? 0) > 0, 'it was noticed')
})

t.test('a phone whose address was misused before it ever registered gets in by itself', async (t) => {
  for (const [address, transport, line] of [
    [at.misused, 't1', ben],
    [at.misusedToo, 'u1', carla],
  ] as const) {
    await (
      await forger(t, address)
    )(scan(address), 20)
    await shutOut(address)
    const result = await sipp(address, {
      scenario: registerScenario(),
      fields: [account(line)],
      transport,
      calls: 1,
    })
    t.match(result, { successful: 1, failed: 0 }, `${transport}: it proves its password`)
    t.equal(await banOf(address), undefined, `${transport}: and is shut out no longer`)
  }
})

t.test('the admin lets an address in again, or for ever', async (t) => {
  const lifted = await box.ask(`/api/bans/${at.guesser}`, { method: 'DELETE' })
  t.equal(lifted.status, 204)
  t.equal(await mayConnect(at.guesser), true)
  t.equal((await box.ask(`/api/bans/${at.guesser}`, { method: 'DELETE' })).status, 404)
  const allowed = await box.json('/api/allow-list', { body: { address: at.scanner } })
  t.strictSame(allowed, { allowList: [at.scanner] })
  t.equal(await banOf(at.scanner), undefined)
  await (
    await forger(t, at.scanner)
  )(scan(at.scanner), 20)
  t.match(await bans(), { total: 2, allowList: [at.scanner], kernel: 'off' })
  for (const address of ['', 'x', '300.1.1.1', '10.0.0.0/33']) {
    t.equal((await box.ask('/api/allow-list', { body: { address } })).status, 400, address)
  }
  const { entries } = await box.json<{ entries: { action: string; subject: string }[] }>('/api/audit')
  for (const [action, subject] of [
    ['ban.lift', at.guesser],
    ['allowList.add', at.scanner],
  ])
    t.ok(
      entries.some((entry) => entry.action === action && entry.subject === subject),
      `${action} is in the history`,
    )
})

t.test('a restart of the box forgets the bans and vouches for the registered phone at once', async (t) => {
  await box.stop()
  await box.start()
  await box.logIn()
  t.equal((await bans()).total, 0)
  const forge = await forger(t, at.phone)
  await forge(scan(at.phone), 50)
  const stranger = await forger(t, at.noise)
  await stranger(scan(at.noise), 50)
  await shutOut(at.noise)
  t.equal(await banOf(at.phone), undefined)
})
