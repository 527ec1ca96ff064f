import { readFileSync } from 'node:fs'
import type Srf from 'drachtio-srf'
import t, { type Test } from 'tap'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { ask, idOf } from '../support/ask.ts'
import { sdp } from '../support/raw-peer.ts'
import { answer, answerInside, expect, pause, receive, scenario, send } from '../support/sipp-steps.ts'

/** SIPp plays the caller once. */
async function caller(t: Test, { udpPort }: TestEngine, ...steps: string[]): Promise<void> {
  const result = await startSipp({
    scenario: scenario(...steps),
    localPort: await freePort(),
    target: `127.0.0.1:${udpPort}`,
    calls: 1,
  }).done
  if (result.successful !== 1) t.comment(result.errors)
  t.same([result.successful, result.failed], [1, 0])
}

/** SIPp waits to be asked, once. */
async function callee(t: Test, ...steps: string[]): Promise<{ uri: string; played: () => Promise<void> }> {
  const localPort = await freePort()
  const sipp = startSipp({ scenario: scenario(...steps), localPort, calls: 1 })
  t.teardown(() => sipp.stop())
  // Before SIPp has its socket the kernel would refuse what is sent to it.
  const bound = `:${localPort.toString(16).toUpperCase().padStart(4, '0')} `
  await until(() => readFileSync('/proc/net/udp', 'latin1').includes(bound))
  return {
    uri: `sip:bob@127.0.0.1:${localPort}`,
    played: async () => {
      const result = await sipp.done
      if (result.successful !== 1) t.comment(result.errors)
      t.equal(result.successful, 1)
    },
  }
}

async function empty({ engine }: TestEngine): Promise<void> {
  await until(() => engine.counters()['dialogsAlive'] === 0)
}

const hangUp = (cseq: number): string[] => [send('BYE', { cseq, inside: true }), receive(200)]

void t.test('SIPp asks outside dialogs: MESSAGE, OPTIONS, INFO, PUBLISH, NOTIFY and refusals', async (t) => {
  const world = await startTestEngine(t)
  const bodies: unknown[] = []
  for (const method of ['message', 'options', 'info', 'publish', 'notify', 'subscribe']) {
    world.srf.use(method, (req, res) => {
      bodies.push(req.body)
      res.send(200)
    })
  }
  const plain = ['MESSAGE', 'OPTIONS', 'INFO', 'PUBLISH', 'NOTIFY']
  const asked = plain.flatMap((method, index) => [
    send(method, { cseq: index + 1, text: `text of ${method}`, extra: ['Event: presence'] }),
    receive(200),
  ])
  await caller(t, world, ...asked)
  t.same(
    bodies,
    plain.map((method) => `text of ${method}`),
  )
  await caller(t, world, send('REFER', { cseq: 1, extra: ['Refer-To: <sip:a@b>'] }), receive(405))
  await caller(t, world, send('DANCE', { cseq: 1 }), receive(501))
  await caller(t, world, send('SUBSCRIBE', { cseq: 1 }), receive(489))
  await caller(t, world, send('UPDATE', { cseq: 1 }), receive(481))
})

void t.test(
  'the application asks SIPp: MESSAGE, OPTIONS, PUBLISH, 3xx, 415 and 420 come through',
  async (t) => {
    const { srf } = await startTestEngine(t)
    const table: [string, number, string[]][] = [
      ['MESSAGE', 202, []],
      ['OPTIONS', 200, ['Allow: INVITE, ACK, BYE']],
      ['PUBLISH', 412, []],
      ['MESSAGE', 302, ['Contact: <sip:else@127.0.0.9>']],
      ['MESSAGE', 413, ['Retry-After: 7']],
      ['MESSAGE', 415, ['Accept: text/plain']],
      ['OPTIONS', 416, []],
      ['MESSAGE', 420, ['Unsupported: foo']],
    ]
    for (const [method, status, extra] of table) {
      const bob = await callee(t, expect(method), answer(status, 'Said', extra))
      const headers = { 'Content-Type': 'text/plain', Require: 'foo' }
      const final = await ask(srf, bob.uri, { method, headers, body: 'hello' })
      t.equal(final.status, status, method)
      for (const line of extra)
        t.equal(final.get(line.slice(0, line.indexOf(':'))), line.slice(line.indexOf(':') + 2))
      await bob.played()
    }
    t.equal(table.length, 8)
  },
)

void t.test('SIPp in a call: INFO, re-INVITE, UPDATE, MESSAGE, NOTIFY, then BYE', async (t) => {
  const world = await startTestEngine(t)
  const seen: string[] = []
  world.srf.use('invite', (req, res) => {
    void world.srf.createUAS(req, res, { localSdp: sdp }).then((dialog) => {
      for (const event of ['info', 'modify', 'update', 'message', 'notify'] as const) {
        const on = dialog.on.bind(dialog) as (
          event: string,
          then: (req: unknown, res: Srf.SrfResponse) => void,
        ) => void
        on(event, (_req, answered) => {
          seen.push(event)
          answered.send(200, event === 'modify' || event === 'update' ? { body: sdp } : {})
        })
      }
    })
  })
  await caller(
    t,
    world,
    send('INVITE', { cseq: 1, sdp: true }),
    receive(200, 'rrs="true"'),
    send('ACK', { cseq: 1, inside: true }),
    send('INFO', { cseq: 2, inside: true, text: 'Signal=1' }),
    receive(200),
    send('INVITE', { cseq: 3, inside: true, sdp: true }),
    receive(200),
    send('ACK', { cseq: 3, inside: true }),
    send('UPDATE', { cseq: 4, inside: true, sdp: true }),
    receive(200),
    send('MESSAGE', { cseq: 5, inside: true, text: 'hi' }),
    receive(200),
    send('NOTIFY', { cseq: 6, inside: true, extra: ['Event: talk', 'Subscription-State: terminated'] }),
    receive(200),
    ...hangUp(7),
  )
  t.same(seen, ['info', 'modify', 'update', 'message', 'notify'])
  await empty(world)
})

void t.test(
  'SIPp is late with its ACK: the 200 comes again until it is there (RFC 3261 13.3.1.4)',
  async (t) => {
    const world = await startTestEngine(t)
    world.srf.use('invite', (req, res) => void world.srf.createUAS(req, res, { localSdp: sdp }))
    await caller(
      t,
      world,
      send('INVITE', { cseq: 1, sdp: true }),
      receive(200, 'rrs="true"'),
      // T1, then 2*T1 later: two repetitions before the ACK.
      pause(1700),
      send('ACK', { cseq: 1, inside: true }),
      pause(50),
      ...hangUp(2),
    )
    t.ok((world.engine.counters()['repeatedSuccess'] ?? 0) >= 2)
    await empty(world)
  },
)

void t.test('SIPp cancels: early, and when the 200 is on its way already', async (t) => {
  const world = await startTestEngine(t)
  const ends: string[] = []
  world.srf.use('invite', (req, res) => {
    if (req.get('X-Answer') === undefined) {
      req.on('cancel', () => ends.push('cancel'))
      return
    }
    void world.srf.createUAS(req, res, { localSdp: sdp }).then((dialog) => {
      dialog.on('destroy', (...values: unknown[]) => ends.push(String(values[1])))
    })
  })
  const branch = 'z9hG4bKc[pid]n[call_number]'
  await caller(
    t,
    world,
    send('INVITE', { cseq: 1, sdp: true, branch }),
    receive(100),
    send('CANCEL', { cseq: 1, branch }),
    receive(200),
    receive(487),
    send('ACK', { cseq: 1, inside: true, branch }),
  )
  await caller(
    t,
    world,
    send('INVITE', { cseq: 1, sdp: true, branch, extra: ['X-Answer: at once'] }),
    receive(200, 'rrs="true"'),
    send('CANCEL', { cseq: 1, branch }),
    receive(481),
    expect('BYE'),
    answerInside(200, 'OK'),
  )
  await until(() => ends.length === 2)
  t.same(ends, ['cancel', 'CANCEL after 200 OK'])
  await empty(world)
})

void t.test(
  'SIPp overlaps its re-INVITEs: the second gets 500, the first goes on (RFC 3261 14.2)',
  async (t) => {
    const world = await startTestEngine(t)
    const open: Srf.SrfResponse[] = []
    world.srf.use('invite', (req, res) => {
      void world.srf.createUAS(req, res, { localSdp: sdp }).then((dialog) => {
        dialog.on('modify', (_req, answered) => open.push(answered))
      })
    })
    const overlapping = caller(
      t,
      world,
      send('INVITE', { cseq: 1, sdp: true }),
      receive(200, 'rrs="true"'),
      send('ACK', { cseq: 1, inside: true }),
      send('INVITE', { cseq: 2, inside: true, sdp: true, branch: 'z9hG4bKfirst[call_number]' }),
      receive(100),
      send('INVITE', { cseq: 3, inside: true, sdp: true, branch: 'z9hG4bKsecond[call_number]' }),
      receive(500),
      send('ACK', { cseq: 3, inside: true, branch: 'z9hG4bKsecond[call_number]' }),
      send('INFO', { cseq: 4, inside: true }),
      receive(200),
      receive(200),
      send('ACK', { cseq: 2, inside: true }),
      ...hangUp(5),
    )
    await until(() => open.length === 1)
    await until(() => (world.engine.counters()['messagesReceived'] ?? 0) >= 6)
    open[0]?.send(200, { body: sdp })
    await overlapping
    await empty(world)
  },
)

void t.test('the application calls SIPp: reliable 183 and its PRACK, UPDATE, 200, BYE of SIPp', async (t) => {
  const world = await startTestEngine(t)
  const bob = await callee(
    t,
    expect('INVITE', 'rrs="true"'),
    // What the 200 needs of the INVITE is kept; by then PRACK was heard last.
    keepInvite,
    answer(183, 'Progress', ['Require: 100rel', 'RSeq: 11', 'Allow: INVITE, UPDATE, PRACK'], true),
    expect('PRACK'),
    answerInside(200, 'OK'),
    answerInvite,
    expect('ACK'),
    expect('UPDATE'),
    answerInside(200, 'OK', [], true),
    expect('BYE'),
    answerInside(200, 'OK'),
  )
  const dialog = await world.srf.createUAC(bob.uri, { localSdp: sdp })
  const updated = await ask(world.srf, undefined, {
    method: 'UPDATE',
    body: sdp,
    stackDialogId: idOf(dialog),
  })
  t.equal(updated.status, 200)
  t.match(updated.body, /^v=0/)
  dialog.destroy()
  await bob.played()
  await empty(world)
})

const keepInvite = `<nop><action><assignstr assign_to="via" value="[last_Via:]"/>
<assignstr assign_to="from" value="[last_From:]"/><assignstr assign_to="to" value="[last_To:]"/>
<assignstr assign_to="cseq" value="[last_CSeq:]"/></action></nop>`

const answerInvite = `<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[$via]
[$from]
[$to];tag=[pid]a[call_number]
[last_Call-ID:]
[$cseq]
Contact: <sip:bob@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=b 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 4000 RTP/AVP 8
]]></send>`

void t.test('a call placed to SIPp: INFO and BYE reach it', async (t) => {
  const world = await startTestEngine(t)
  const bob = await callee(
    t,
    expect('INVITE', 'rrs="true"'),
    answer(180, 'Ringing'),
    answer(200, 'OK', [], true),
    expect('ACK'),
    expect('INFO'),
    answerInside(200, 'OK'),
    expect('BYE'),
    answerInside(200, 'OK'),
  )
  const dialog = await world.srf.createUAC(bob.uri, { localSdp: sdp })
  const told = await ask(world.srf, undefined, { method: 'INFO', stackDialogId: idOf(dialog) })
  t.equal(told.status, 200)
  dialog.destroy()
  await bob.played()
  await empty(world)
})
