import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { heardTone } from '#test/peers/audio.ts'
import { plainSdp, WirePhone, type WireMessage } from '#test/pbx/support/wire-phone.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, type SeededLine } from '#test/support/seed.ts'
import { socketClosed } from '#test/support/socket-closed.ts'
import { plugIn, until } from './office.ts'

// One box with four phones of signed-in people. Whatever comes in, it answers or drops it, counts it, and stays as it is.

const media = { portMin: 24_000, portMax: 24_059 }
const box = await Box.prepare({ lab: false, settings: { media } })
const lines = await seedLines(box.dataDir, 4)
const [anna, ben, carla, dora] = lines as [SeededLine, SeededLine, SeededLine, SeededLine]
// SIGUSR2 moves the box's wall clock on by six minutes, as a time server may: the only way to an old nonce in a test.
const jump =
  "let ms = 0; const now = Date.now; Date.now = () => now() + ms; process.on('SIGUSR2', () => (ms += 360000))"
box.launch({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(jump)}` })
await box.waitForHealth(({ state }) => state === 'ok', 30_000)
await box.logIn()
t.teardown(async () => {
  await box.stop()
  box.remove()
})

const phone = await WirePhone.open(t, anna, box.ports.udp)
await phone.register()

// Begun now, judged at the end: half a message, then silence.
const halfSentAtMs = performance.now()
const half = await openTcp(t)
half.write('REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKhalf\r\nContent-Le')
const halfClosed = socketClosed(half)

async function openTcp(t: { teardown(release: () => void): void }): Promise<Socket> {
  const socket = connect(box.ports.tcp, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

interface CallPage {
  total: number
  calls: { cause: string }[]
}

const counters = (): Promise<Record<string, number>> => box.json('/api/counters')

/** What must be the same after bad input: registrations, calls, sessions, dialogs. */
async function standing(): Promise<unknown> {
  const { devices } = await box.json<{ devices: { lines: { username: string; contacts: object[] }[] }[] }>(
    '/api/devices',
  )
  const now = await counters()
  const names = [
    'media.sessions',
    'media.portsInUse',
    'calls.live',
    'sip.dialogsAlive',
    'sip.requestsServing',
  ]
  return {
    contacts: devices.flatMap((device) => device.lines.map(({ username, contacts }) => [username, contacts])),
    ...Object.fromEntries(names.map((name) => [name, now[name]])),
  }
}

/** Does something bad, then sees that these counters went up by so many and that the box stands as before. */
async function counted(t: Test, expected: Record<string, number>, work: () => Promise<void>): Promise<void> {
  const before = await standing()
  const from = await counters()
  await work()
  const grown = (now: Record<string, number>): Record<string, number> =>
    Object.fromEntries(Object.keys(expected).map((name) => [name, (now[name] ?? NaN) - (from[name] ?? NaN)]))
  // Nothing answers what is dropped: then only the counter tells when it was read.
  await until('the box counted it', 30_000, async () => {
    const now = grown(await counters())
    return Object.entries(expected).every(([name, count]) => (now[name] as number) >= count)
      ? true
      : undefined
  }).catch(() => undefined)
  t.strictSame(grown(await counters()), expected, 'it is counted')
  t.strictSame(await standing(), before, 'nothing has changed')
}

function registerLines(username: string, cseq: number, more: string[] = []): string[] {
  return [
    'REGISTER sip:127.0.0.1 SIP/2.0',
    phone.via(),
    `From: <sip:${username}@127.0.0.1>;tag=t${cseq}`,
    `To: <sip:${username}@127.0.0.1>`,
    `Call-ID: bad-${cseq}`,
    `CSeq: ${cseq} REGISTER`,
    'Max-Forwards: 70',
    `Contact: <sip:thief@127.0.0.1:${phone.port}>`,
    ...more,
  ]
}

let sequence = 100

/** One REGISTER with these credentials, answered. */
async function tryRegister(account: { username: string }, authorization?: string): Promise<WireMessage> {
  const cseq = ++sequence
  phone.send(registerLines(account.username, cseq, authorization ? [`Authorization: ${authorization}`] : []))
  return phone.final({ callId: `bad-${cseq}` }, cseq, 'REGISTER')
}

/** Status and header names: all that a stranger learns. */
function shapeOf(message: WireMessage): string[] {
  const [head = ''] = message.text.split('\r\n\r\n')
  return head.split('\r\n').map((line, index) => (index === 0 ? line : line.slice(0, line.indexOf(':'))))
}

t.test('wrong password and unknown line are refused alike', async (t) => {
  await counted(
    t,
    { 'calls.authWrongPassword': 1, 'calls.authUnknownLine': 1, 'calls.registersAccepted': 0 },
    async () => {
      const shapes: string[][] = []
      for (const account of [
        { username: ben.username, password: 'guess' },
        { username: 'nobody', password: 'guess' },
      ]) {
        const challenge = await tryRegister(account)
        t.equal(challenge.status, 401)
        const refused = await tryRegister(
          account,
          phone.answer(challenge, 'REGISTER', 'sip:127.0.0.1', account),
        )
        t.equal(refused.status, 403)
        shapes.push([...shapeOf(challenge), ...shapeOf(refused)])
      }
      t.strictSame(shapes[0], shapes[1], 'the two cannot be told apart')
    },
  )
})

t.test('a used, a forged and an old nonce: stale=true, and with the new nonce the phone is in', async (t) => {
  const uri = 'sip:127.0.0.1'
  const challenge = await tryRegister(anna)
  const answer = phone.answer(challenge, 'REGISTER', uri)
  const ask = (authorization: string): Promise<WireMessage> => {
    const cseq = ++sequence
    const query = registerLines(anna.username, cseq, [`Authorization: ${authorization}`])
    phone.send(query.filter((line) => !line.startsWith('Contact')))
    return phone.final({ callId: `bad-${cseq}` }, cseq, 'REGISTER')
  }
  t.equal((await ask(answer)).status, 200)

  await counted(t, { 'calls.authReplay': 1 }, async () => {
    const replayed = await ask(answer)
    t.equal(replayed.status, 401, 'the same nonce count again')
    t.match(replayed.header('WWW-Authenticate'), 'stale=true')
    t.equal((await ask(phone.answer(replayed, 'REGISTER', uri))).status, 200)
  })
  await counted(t, { 'calls.authForgedNonce': 1 }, async () => {
    const forged = await ask(answer.replace(/nonce="[^"]*"/, 'nonce="bm9uY2Ugb2YgYW5vdGhlciBib3g"'))
    t.equal(forged.status, 401)
    t.equal((await ask(phone.answer(forged, 'REGISTER', uri))).status, 200)
  })
  const old = phone.answer(await tryRegister(anna), 'REGISTER', uri)
  const { nowMs } = await box.json<{ nowMs: number }>('/api/calls/live')
  box.signal('SIGUSR2')
  await until('the clock of the box has moved', 30_000, async () =>
    (await box.json<{ nowMs: number }>('/api/calls/live')).nowMs > nowMs + 300_000 ? true : undefined,
  )
  await counted(t, { 'calls.authStaleNonce': 1 }, async () => {
    const stale = await ask(old)
    t.equal(stale.status, 401)
    t.match(stale.header('WWW-Authenticate'), 'stale=true')
    t.equal((await ask(phone.answer(stale, 'REGISTER', uri))).status, 200)
  })
})

t.test('malformed SIP over UDP: answered where it can be, else dropped', async (t) => {
  const whole = (callId: string, change: (text: string) => string): string =>
    change(
      [
        'OPTIONS sip:127.0.0.1 SIP/2.0',
        phone.via(),
        'From: <sip:a@127.0.0.1>;tag=a',
        'To: <sip:b@127.0.0.1>',
        `Call-ID: ${callId}`,
        'CSeq: 7 OPTIONS',
        'Max-Forwards: 70',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    )
  const answered: [string, number, (text: string) => string][] = [
    ['version', 505, (text) => text.replace('SIP/2.0\r\nVia', 'SIP/7.0\r\nVia')],
    ['length', 400, (text) => text.replace('Content-Length: 0', 'Content-Length: 999')],
    ['negative', 400, (text) => text.replace('Content-Length: 0', 'Content-Length: -1')],
    ['cseq', 400, (text) => text.replace('7 OPTIONS', '7 INVITE')],
  ]
  for (const [name, status, change] of answered) {
    const socket = await strangerTo(t)
    const reply = once(socket, 'message')
    socket.send(
      whole(name, change).replace(/127\.0\.0\.1:\d+;branch/, `127.0.0.1:${socket.address().port};branch`),
      box.ports.udp,
      '127.0.0.1',
    )
    t.match(String((await reply)[0]), new RegExp(`^SIP/2.0 ${status} `), name)
  }
  t.equal(answered.length, 4)

  const dropped = [
    'hello',
    '\0\xff\xfe\r\n\r\n',
    'OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n',
    whole('no-via', (text) => text.replace(/Via: [^\r]*\r\n/, '')),
    whole('no-call-id', (text) => text.replace(/Call-ID: [^\r]*\r\n/, '')),
  ]
  await counted(
    t,
    { 'sip.malformedRequests': dropped.length, 'sip.malformedResponses': 1, 'sip.userFailures': 0 },
    async () => {
      const socket = await strangerTo(t)
      for (const text of [...dropped, 'SIP/2.0 999\r\n\r\n'])
        socket.send(Buffer.from(text, 'latin1'), box.ports.udp, '127.0.0.1')
    },
  )
})

async function strangerTo(t: Test): Promise<ReturnType<typeof createSocket>> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket
}

t.test('oversized SIP: 513 over UDP and TCP, and TCP is closed', async (t) => {
  await counted(t, { 'sip.oversizedMessages': 2 }, async () => {
    const cseq = ++sequence
    phone.send(
      registerLines(
        anna.username,
        cseq,
        Array.from({ length: 400 }, (_, index) => `X-${index}: ${'x'.repeat(100)}`),
      ),
    )
    t.equal((await phone.final({ callId: `bad-${cseq}` }, cseq, 'REGISTER')).status, 513)

    const socket = await openTcp(t)
    const heard: Buffer[] = []
    socket.on('data', (bytes: Buffer) => heard.push(bytes))
    const text = registerLines(anna.username, ++sequence).join('\r\n').replace('/UDP', '/TCP')
    socket.write(`${text}\r\nContent-Length: 1000000\r\n\r\n`)
    await socketClosed(socket)
    t.match(Buffer.concat(heard).toString(), /^SIP\/2\.0 513 /)
  })
})

t.test('an offer that cannot be used is a 488 with a sentence', async (t) => {
  const callee = await plugIn(box, { ...ben, deviceId: '' }, { toneHz: 620, answer: 'auto' })
  t.teardown(() => callee.stop())
  const video = plainSdp(4000).replace('m=audio', 'm=video')
  const table: [string, string, string, string][] = [
    ['no SDP', ben.number, '', 'CALL_SDP_MISSING'],
    ['no audio', ben.number, video, 'CALL_SDP_UNUSABLE'],
    ['not SDP at all', ben.number, 'hello', 'CALL_SDP_UNUSABLE'],
    ['a codec that nobody knows', ben.number, plainSdp(4000, { codecs: ['96 NOISE/8000'] }), 'CALL_NO_CODEC'],
    [
      'a codec that the called phone lacks',
      ben.number,
      plainSdp(4000, { codecs: ['18 G729/8000'] }),
      'CALL_NO_CODEC',
    ],
    [
      'a codec that the box itself lacks',
      '*50*',
      plainSdp(4000, { codecs: ['18 G729/8000'] }),
      'CALL_NO_CODEC',
    ],
  ]
  const expected = { 'calls.sdpMissing': 1, 'calls.sdpUnusable': table.length - 1, 'calls.callsAnswered': 0 }
  await counted(t, expected, async () => {
    for (const [name, target, sdp, cause] of table) {
      const known = (await box.json<CallPage>('/api/calls?limit=1')).total
      const call = await phone.call(target, { sdp })
      const refused = await call.answered()
      t.equal(refused.status, 488, name)
      t.match(refused.header('Warning'), /^399 branchline "[A-Z].+\."$/)
      const logged = await until('the call is in the log', 30_000, async () => {
        const { total, calls } = await box.json<CallPage>('/api/calls?limit=1')
        return total > known ? calls[0] : undefined
      })
      t.equal(logged.cause, cause, name)
    }
  })
})

t.test('RTP of a stranger in a live call is counted and not heard', async (t) => {
  const [caller, callee] = await Promise.all([
    plugIn(box, { ...carla, deviceId: '' }, { toneHz: 440 }),
    plugIn(box, { ...dora, deviceId: '' }, { toneHz: 620, answer: 'auto' }),
  ])
  t.teardown(() => Promise.all([caller.stop(), callee.stop()]))
  const stranger = await strangerTo(t)
  await counted(t, { 'calls.callsAnswered': 1, 'calls.rtpMalformed': 0 }, async () => {
    const before = (await counters())['calls.rtpForeignSource'] as number
    await caller.dial(dora.number)
    await caller.waitFor('CALL_ESTABLISHED')
    // Both phones have spoken, so the relay knows them.
    await until('the relay has latched', 30_000, async () =>
      (await counters())['media.sessions'] === 1 ? true : undefined,
    )
    await new Promise((resolve) => setTimeout(resolve, 500))
    const packet = Buffer.concat([
      Buffer.from([0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4]),
      Buffer.alloc(160, 0x2a),
    ])
    let sent = 0
    for (let round = 0; round < 50; round++) {
      for (let port = media.portMin; port <= media.portMax; port += 2)
        stranger.send(packet, port, '127.0.0.1')
      sent++
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await caller.command('hangup')
    await callee.waitFor('CALL_CLOSED')
    const foreign = await until('the call is over and counted', 30_000, async () => {
      const now = (await counters())['calls.rtpForeignSource'] as number
      return now > before ? now - before : undefined
    })
    // A busy kernel may drop a datagram, and a phone that speaks before the relay has read its answer is nobody yet.
    t.ok(Math.abs(foreign - sent * 2) < 10, `${foreign} of ${sent * 2} packets, at both legs`)
    for (const [name, phone, hz] of [
      ['caller', caller, 620],
      ['callee', callee, 440],
    ] as const) {
      const heard = heardTone(phone.heard(), [440, 620])
      t.match(heard, { hz }, name)
      t.ok((heard?.continuity ?? 0) > 0.97, `${name}: ${heard?.continuity}`)
      t.ok(Math.abs((heard?.levelDbfs ?? 0) + 12) < 1, `${name}: ${heard?.levelDbfs}`)
    }
  })
})

t.test('half a message and then silence: the connection is closed after ten seconds', async (t) => {
  await halfClosed
  t.ok(performance.now() - halfSentAtMs > 9_900, 'not before')
  t.equal((await counters())['sip.halfMessageTimeouts'], 1)
})

t.test('after all that the box still takes phones and calls', async (t) => {
  t.equal((await phone.register()).status, 200)
  const call = await phone.call('+49301234567')
  t.equal((await call.answered()).status, 404)
  const now = await counters()
  t.equal(now['calls.handlerFailed'], 0)
  t.equal(now['sip.userFailures'], 0)
  t.notMatch(box.output, /defect|"level":50/)
})
