import { createSocket } from 'node:dgram'
import t from 'tap'
import type { LabCall, TeamsEdge } from '#src/lab/teams-edge-port.ts'
import { InviteRefused, type EdgeDialog } from '#src/lab/teams-edge/edge-sip.ts'
import type { EndpointSession } from '#src/media/endpoint/media-endpoint.ts'
import { steadyTone } from '#src/media/endpoint/tone-generator.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { hear, until } from '#test/media/endpoint/endpoint-pair.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { boxNumber, host, startEdgeAndBox, type EdgeAndBox } from './raw-box.ts'

const dir = t.testdir()
const anna = '+493055501001'
const greeter = '+493055502001'
const echo = '+493055502002'
const callback = '+493055502003'
const busy = '+493055502004'
const neverAnswers = '+493055502005'

interface Attempt {
  contact?: string
  uri?: string
  headers?: Record<string, string>
  sdp?: (offer: string) => string
  signal?: AbortSignal
}

/** Calls from the box to a number in Teams; the offer is SRTP. */
async function call(
  both: EdgeAndBox,
  number: string,
  attempt: Attempt = {},
): Promise<{ dialog: EdgeDialog; session: EndpointSession }> {
  const session = await both.box.endpoints.offer({ localAddress: host, profile: 'RTP/SAVP' })
  try {
    const dialog = await both.box.sip.invite(attempt.uri ?? both.teamsUri(number), {
      headers: {
        From: `<sip:${boxNumber}@box.lab.branchline.example>`,
        Contact: attempt.contact ?? both.contact,
        'Content-Type': 'application/sdp',
        ...attempt.headers,
      },
      sdp: attempt.sdp ? attempt.sdp(session.localSdp) : session.localSdp,
      signal: attempt.signal ?? new AbortController().signal,
      onSent: () => undefined,
    })
    session.acceptAnswer(dialog.remoteSdp)
    return { dialog, session }
  } catch (error) {
    session.close()
    throw error
  }
}

/** Status and reason of a call that is refused. */
async function refusal(both: EdgeAndBox, number: string, attempt: Attempt = {}): Promise<string> {
  try {
    await call(both, number, attempt)
    return 'answered'
  } catch (error) {
    if (error instanceof InviteRefused) return `${error.status} ${error.reason}`
    throw error
  }
}

function latest(edge: TeamsEdge): LabCall {
  const [first] = edge.calls()
  if (!first) throw new Error('no call in the list')
  return first
}

void t.test('echo answers and sends back what it hears, all of it SRTP', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  const { dialog, session } = await call(both, echo)
  void session.play(steadyTone(520, -10), { repeat: true })
  const heard = await hear(session, 1)
  t.ok(Math.abs((heard.tone()?.hz ?? 0) - 520) < 1)
  t.ok(Math.abs((heard.tone()?.levelDbm0 ?? 0) + 10) < 1)
  await session.sendDtmf('42#')
  await until(() => latest(both.edge).media.heardDtmf === '42#')
  const going = latest(both.edge)
  t.match(going, { direction: 'fromBox', state: 'answered', from: boxNumber, to: echo, sipStatus: 200 })
  t.ok(Math.abs((going.media.heardToneHz ?? 0) - 520) < 1)
  t.ok(Math.abs((going.media.heardToneDb ?? 0) + 13.14) < 1, `${going.media.heardToneDb} dB below full scale`)
  await dialog.bye()
  await until(() => latest(both.edge).state === 'ended')
  const ended = latest(both.edge)
  t.match(ended, { reason: 'the box hung up', sipStatus: 200 })
  t.match(ended.media, { allSrtp: true, lostPackets: 0, heardDtmf: '42#' })
  t.ok(ended.media.receivedPackets > 50 && ended.media.sentPackets > 50)
  t.ok((ended.answeredAtMs ?? 0) >= ended.startedAtMs && (ended.endedAtMs ?? 0) > (ended.answeredAtMs ?? 0))
})

void t.test('the greeter speaks and hangs up', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  const { dialog, session } = await call(both, greeter)
  const ended = new Promise((resolve) => dialog.onEnd(resolve))
  const heard = await hear(session, 2)
  t.equal(heard.tone(), undefined, 'speech, not a tone')
  await ended
  t.match(latest(both.edge), { state: 'ended', reason: 'Teams hung up', sipStatus: 200 })
})

void t.test('callback hangs up, then calls the caller back and greets', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  both.edge.setBehaviour(callback, { answer: 'callsBack', afterMs: 50 })
  const { dialog } = await call(both, callback)
  await new Promise((resolve) => dialog.onEnd(resolve))
  const { request, reply } = await both.box.nextInvite()
  t.match(
    request.uri,
    new RegExp(`^sip:\\${boxNumber}@box.lab.branchline.example:\\d+;user=phone;transport=tls$`),
  )
  const from = parseNameAddr(request.get('From') ?? '')
  t.match(from, { displayName: 'Lab callback', uri: /^sip:\+493055502003@sip\.pstnhub\.lab/ })
  const session = await both.box.endpoints.answer(request.body ?? '', {
    localAddress: host,
    require: 'RTP/SAVP',
  })
  const back = await both.box.sip.accept(request, reply, session.localSdp, { Contact: both.contact })
  const heard = await hear(session, 1)
  t.ok(heard.samples >= 8000)
  t.match(latest(both.edge), { direction: 'toBox', state: 'answered', from: callback, to: boxNumber })
  await back.bye()
  await until(() => latest(both.edge).state === 'ended')
})

void t.test('busy is 486, never-answers rings until CANCEL', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  t.match(await refusal(both, busy), /^486 /)
  t.match(latest(both.edge), { state: 'ended', sipStatus: 486 })
  const giveUp = new AbortController()
  const ringing = refusal(both, neverAnswers, { signal: giveUp.signal })
  await until(() => latest(both.edge).to === neverAnswers)
  giveUp.abort()
  t.match(await ringing, /^487 /)
  await until(() => latest(both.edge).state === 'ended')
  t.match(latest(both.edge), { sipStatus: 487, answeredAtMs: undefined })
})

void t.test('nobody rings for ever: 480 after three minutes', async (t) => {
  const clock = new FakeClock(Date.now())
  const both = await startEdgeAndBox(t, { dir, clock })
  const ringing = refusal(both, neverAnswers)
  await until(() => both.edge.calls().length === 1)
  clock.advance(179_000)
  t.equal(latest(both.edge).state, 'ringing')
  clock.advance(1000)
  t.match(await ringing, /^480 /)
})

void t.test("a user's Teams client rings first, and answers as it is told", async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  t.same(both.edge.behaviour(anna), { answer: 'never' })
  t.equal(both.edge.setBehaviour('+491', { answer: 'busy' }), false)
  t.equal(both.edge.setBehaviour(anna, { answer: 'afterMs', afterMs: 10, audio: 'tone', toneHz: 1234 }), true)
  const { dialog, session } = await call(both, anna)
  const heard = await hear(session, 1)
  t.ok(Math.abs((heard.tone()?.hz ?? 0) - 1234) < 1)
  const ended = new Promise((resolve) => dialog.onEnd(resolve))
  t.equal(both.edge.hangUp(latest(both.edge).callId), true)
  await ended
  t.equal(both.edge.hangUp(latest(both.edge).callId), false)
})

void t.test('what Direct Routing refuses is refused, and explained in the list', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  const cases: [Attempt & { number?: string }, RegExp, RegExp][] = [
    [{ contact: `<sip:${boxNumber}@127.0.0.1:5061;transport=tls>` }, /^403/, /address 127\.0\.0\.1/],
    [{ contact: '<sip:evil.example:5061;transport=tls>' }, /^403/, /certificate/],
    [{ uri: both.teamsUri('493055502002') }, /^404/, /E\.164/],
    [{ number: '+493055509999' }, /^404/, /nobody/],
    [{ headers: { Replaces: 'a@b;to-tag=1;from-tag=2' } }, /^403/, /Replaces/],
    [{ headers: { Require: '100rel', Supported: '100rel' } }, /^420/, /100rel/],
    [{ sdp: (sdp) => sdp.replace('RTP/SAVP', 'RTP/AVP').replace(/a=crypto.*\r\n/, '') }, /^488/, /no SRTP/],
    [{ sdp: (sdp) => sdp.replace('SHA1_80', 'SHA1_32') }, /^488/, /SHA1_80/],
    [{ sdp: (sdp) => sdp.replace(/a=crypto.*\r\n/, '') }, /^488/, /crypto/],
    [{ sdp: (sdp) => sdp.replace('8 0 101', '9 18').replace(/a=rtpmap.*\r\n/g, '') }, /^488/, /G\.711/],
  ]
  t.equal(cases.length, 10)
  for (const [{ number = echo, ...attempt }, status, explanation] of cases) {
    t.match(await refusal(both, number, attempt), status, explanation.source)
    t.match(latest(both.edge), { state: 'ended', reason: explanation })
  }
  t.equal(both.edge.calls().length, 10)
  t.equal(both.box.endpoints.portsInUse, 0)
})

void t.test('without a client certificate nothing is taken', async (t) => {
  const both = await startEdgeAndBox(t, { dir, withClientCertificate: false })
  t.match(await refusal(both, echo), /^403 .*no client certificate/)
})

void t.test('OPTIONS is answered, and the edge probes back at once on each name', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  for (const name of ['sip', 'sip2', 'sip3']) {
    const uri = `sip:${name}.pstnhub.lab.branchline.example:${both.edge.port};transport=tls`
    const headers = { Contact: '<sip:box.lab.branchline.example:5061;transport=tls>' }
    t.equal(await both.box.sip.request(uri, { method: 'OPTIONS', headers }), 200)
    const probe = await both.box.nextOptions()
    t.match(probe.get('From'), new RegExp(`^<sip:${name}\\.pstnhub\\.lab\\.branchline\\.example>`))
    t.match(probe.uri, /^sip:box\.lab\.branchline\.example:\d+;transport=tls$/)
  }
  const uri = `sip:sip.pstnhub.lab.branchline.example:${both.edge.port};transport=tls`
  const headers = { Contact: '<sip:127.0.0.1:5061;transport=tls>' }
  t.equal(await both.box.sip.request(uri, { method: 'OPTIONS', headers }), 403)
})

/** What the library's declarations leave out of a dialog. */
interface RawDialog {
  remote: { sdp: string }
  request(options: {
    method: string
    body?: string
    headers?: object
  }): Promise<{ status: number; body: string }>
  destroy(): Promise<unknown>
}

void t.test('a=inactive holds and resumes, any other hold is refused and changes nothing', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  both.edge.setBehaviour(anna, { answer: 'afterMs', afterMs: 0, audio: 'tone', toneHz: 1234 })
  const session = await both.box.endpoints.offer({ localAddress: host, profile: 'RTP/SAVP' })
  const offer = session.localSdp
  const dialog = (await both.box.srf.createUAC(both.teamsUri(anna), {
    localSdp: offer,
    headers: { From: `<sip:${boxNumber}@box.lab.branchline.example>`, Contact: both.contact },
  })) as unknown as RawDialog
  session.acceptAnswer(dialog.remote.sdp)
  const reoffer = async (change: (sdp: string) => string): Promise<{ status: number; body: string }> =>
    dialog.request({
      method: 'INVITE',
      body: change(offer),
      headers: { Contact: both.contact, 'Content-Type': 'application/sdp' },
    })
  await hear(session, 0.2)
  for (const line of ['a=sendonly', 'a=recvonly']) {
    t.equal((await reoffer((sdp) => sdp.replace('a=sendrecv', line))).status, 488, line)
  }
  t.equal((await reoffer((sdp) => sdp.replaceAll('c=IN IP4 127.0.0.1', 'c=IN IP4 0.0.0.0'))).status, 488)
  await hear(session, 0.1)

  const held = await reoffer((sdp) => sdp.replace('a=sendrecv', 'a=inactive'))
  t.equal(held.status, 200)
  t.match(held.body, 'a=inactive')
  const sentWhileHeld = latest(both.edge).media.sentPackets
  const before = latest(both.edge).media.receivedPackets
  await until(() => latest(both.edge).media.receivedPackets > before + 10)
  t.equal(latest(both.edge).media.sentPackets, sentWhileHeld)

  const resumed = await reoffer((sdp) => sdp)
  t.match(resumed.body, 'a=sendrecv')
  t.equal(/a=crypto.*/.exec(resumed.body)?.[0], /a=crypto.*/.exec(dialog.remote.sdp)?.[0], 'the key stays')
  const heard = await hear(session, 0.6)
  t.ok(Math.abs((heard.tone()?.hz ?? 0) - 1234) < 1)
  t.equal(session.stats.badTag, 0)

  const update = await dialog.request({ method: 'UPDATE', headers: { Contact: both.contact } })
  t.equal(update.status, 200, 'a refresh without an offer')
  const refer = await dialog.request({ method: 'REFER', headers: { 'Refer-To': '<sip:+491@a.example>' } })
  t.equal(refer.status, 405)
  await dialog.destroy()
  await until(() => latest(both.edge).state === 'ended')
  t.equal(latest(both.edge).media.allSrtp, true)
})

void t.test('the end of the lab ends its calls', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  const { dialog } = await call(both, echo)
  const bye = new Promise((resolve) => dialog.onEnd(resolve))
  const ringing = refusal(both, neverAnswers)
  await until(() => both.edge.calls().length === 2 && latest(both.edge).to === neverAnswers)
  await both.edge.stop()
  await bye
  t.match(await ringing, /^(503|603) /)
  t.ok(both.edge.calls().every(({ state }) => state === 'ended'))
})

void t.test('plain RTP into an SRTP call is seen', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  const { dialog, session } = await call(both, echo)
  await until(() => latest(both.edge).media.receivedPackets > 0)
  t.equal(latest(both.edge).media.allSrtp, true)
  const port = Number(/m=audio (\d+)/.exec(dialog.remoteSdp)?.[1])
  const packet = Buffer.alloc(172, 0xd5)
  packet[0] = 0x80
  packet[1] = 8
  const stranger = createSocket('udp4')
  stranger.send(packet, port, host, () => stranger.close())
  await until(() => !latest(both.edge).media.allSrtp)
  session.close()
  await dialog.bye()
})

void t.test('a placed call offers SRTP and a session timer, and is a tone when answered', async (t) => {
  const both = await startEdgeAndBox(t, { dir })
  const { callId } = await both.edge.placeCall({ from: anna, to: boxNumber })
  const { request, reply } = await both.box.nextInvite()
  t.equal(request.get('Call-ID'), callId)
  t.match(request.get('Session-Expires'), '1800;refresher=uac')
  t.match(request.get('From'), '"Anna Albrecht" <sip:+493055501001@')
  reply.send(180, 'Ringing', {})
  const session = await both.box.endpoints.answer(request.body ?? '', {
    localAddress: host,
    require: 'RTP/SAVP',
  })
  const dialog = await both.box.sip.accept(request, reply, session.localSdp, { Contact: both.contact })
  void session.play(steadyTone(900, -16), { repeat: true })
  const heard = await hear(session, 1)
  t.ok(Math.abs((heard.tone()?.hz ?? 0) - 660) < 1)
  const ended = new Promise((resolve) => dialog.onEnd(resolve))
  t.equal(both.edge.hangUp(callId), true)
  await ended
  await until(() => latest(both.edge).state === 'ended')
  const { media } = latest(both.edge)
  t.ok(Math.abs((media.heardToneHz ?? 0) - 900) < 1, JSON.stringify(media))
  t.equal(media.allSrtp, true)
})

void t.test(
  'a placed call that is refused, unanswered or answered without SRTP ends with its status',
  async (t) => {
    const both = await startEdgeAndBox(t, { dir })
    await both.edge.placeCall({ from: anna, to: boxNumber })
    const first = await both.box.nextInvite()
    first.reply.send(486, 'Busy Here', {})
    await until(() => latest(both.edge).state === 'ended')
    t.match(latest(both.edge), { sipStatus: 486, reason: 'Busy Here' })

    const { callId } = await both.edge.placeCall({ from: anna, to: boxNumber })
    const second = await both.box.nextInvite()
    const cancelled = new Promise((resolve) => second.request.on('cancel', resolve))
    second.reply.send(180, 'Ringing', {})
    both.edge.hangUp(callId)
    await cancelled
    await until(() => latest(both.edge).state === 'ended')
    t.match(latest(both.edge), { sipStatus: 487 })

    await both.edge.placeCall({ from: anna, to: boxNumber })
    const third = await both.box.nextInvite()
    const session = await both.box.endpoints.answer(third.request.body ?? '', { localAddress: host })
    const plain = session.localSdp.replace('RTP/SAVP', 'RTP/AVP').replace(/a=crypto.*\r\n/, '')
    const dialog = await both.box.sip.accept(third.request, third.reply, plain, { Contact: both.contact })
    await new Promise((resolve) => dialog.onEnd(resolve))
    t.match(latest(both.edge), { sipStatus: 200, reason: /cannot be used/ })
  },
)

void t.test('without a box, or from a number of nobody, no call is placed', async (t) => {
  const both = await startEdgeAndBox(t, { dir, boxKnown: false })
  await t.rejects(both.edge.placeCall({ from: anna, to: boxNumber }), { code: 'LAB_FAILED' })
  await t.rejects(both.edge.placeCall({ from: '+491', to: boxNumber }), { code: 'NOT_FOUND' })
  t.same(both.edge.calls(), [])
})
