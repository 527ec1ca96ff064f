import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { Signalling } from '#src/engine/trace/signalling.ts'
import { writePcapng } from '#src/engine/trace/write-pcapng.ts'
import { secretCodes } from '#src/pbx/services/parse-feature-code.ts'
import { plainSdp } from '#test/pbx/support/wire-phone.ts'
import { startOffice } from '#test/pbx/support/test-office.ts'
import { readCapture } from '#test/peers/tshark.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { message } from './sample-call.ts'

function startSignalling(t: Test): Signalling {
  const signalling = new Signalling({ clock: systemClock, logger: silentLogger, secretCodes })
  signalling.start({ limits: { maxBytes: 4 * 1024 * 1024, maxAgeMs: 3_600_000 }, homer: undefined })
  t.teardown(() => signalling.stop())
  return signalling
}

t.test(
  'a call between two phones: both legs under the id of the call log, as tshark reads them',
  async (t) => {
    const signalling = startSignalling(t)
    const office = await startOffice(t, { engine: { tap: signalling }, pbx: { callTrace: signalling } })
    const anna = await office.phone('anna', { name: 'Anna', number: '+493055501001' })
    const ben = await office.phone('ben', { name: 'Ben', number: '+493055501002' })
    await anna.register()
    await ben.register()
    const record = office.nextRecord()
    const call = await anna.call('+493055501002', { sdp: plainSdp(4100) })
    const invite = await ben.request('INVITE')
    ben.respond(invite, 180)
    await anna.provisional(call, 180)
    ben.respond(invite, 200, { body: plainSdp(4200) })
    await call.answered()
    await ben.request('ACK')
    t.equal((await call.inDialog('BYE')).status, 200)
    ben.respond(await ben.request('BYE'), 200)
    const { id } = await record
    const legs = signalling.ofCall(id) ?? []
    t.match(legs, [{ party: { displayName: 'Anna' } }, { party: { displayName: 'Ben' } }])
    t.not(legs[0]?.sipCallId, legs[1]?.sipCallId)
    await until(() => (signalling.ofCall(id)?.[1]?.messages.length ?? 0) >= 6)
    const messages = (signalling.ofCall(id) ?? [])
      .flatMap((leg) => leg.messages)
      .sort((a, b) => a.atMs - b.atMs)
    const capture = writePcapng(messages, { application: 'test', comment: id })
    const port = String(portOf(office.engine.engine, 'udp'))
    const read = await readCapture(capture, [
      'sip.Method',
      'sip.Status-Code',
      'sip.Call-ID',
      'udp.srcport',
      '_ws.malformed',
    ])
    t.equal(read.length, messages.length)
    const story = (sipCallId: string | undefined): string =>
      read
        .filter((packet) => packet['sip.Call-ID'] === sipCallId)
        .map(
          (packet) =>
            `${packet['udp.srcport'] === port ? '>' : '<'}${packet['sip.Method'] || packet['sip.Status-Code']}`,
        )
        .join(' ')
    t.match(story(legs[0]?.sipCallId), /<INVITE >407 <ACK <INVITE (>100 )?>180 >200 <ACK <BYE >200$/)
    t.match(story(legs[1]?.sipCallId), />INVITE <180 <200 >ACK >BYE <200$/)
    t.ok(read.every((packet) => packet['_ws.malformed'] === ''))
    t.notMatch(
      Buffer.concat(messages.map(({ bytes }) => bytes)).toString(),
      /response="[0-9a-f]/,
      'digests are masked',
    )
    const outside = signalling.outside(100).map(({ bytes }) => bytes.toString().split('\r\n')[0])
    t.equal(outside.filter((line) => line?.startsWith('REGISTER')).length, 4, 'registrations are kept apart')
  },
)

t.test('an enrolment code that was dialled is nowhere to be read', async (t) => {
  const signalling = startSignalling(t)
  const office = await startOffice(t, { engine: { tap: signalling }, pbx: { callTrace: signalling } })
  const anna = await office.phone('anna')
  await anna.register()
  const record = office.nextRecord()
  const call = await anna.call('*55*98765432', { sdp: plainSdp(4100) })
  await call.answered()
  await call.inDialog('BYE').catch(() => undefined)
  const { id } = await record
  const text = Buffer.concat(
    (signalling.ofCall(id) ?? []).flatMap((leg) => leg.messages.map(({ bytes }) => bytes)),
  )
  t.ok(text.includes('*55*'))
  t.notOk(text.includes('98765432'))
})

t.test('the tap hears what the engine refuses too, over UDP and TCP, and its answers', async (t) => {
  const signalling = startSignalling(t)
  const engine = await startBareEngine(t, { tap: signalling })
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const bad = message('OPTIONS sip:x@127.0.0.1 SIP/2.0', { callId: 'bad', cseq: '1 OPTIONS' }).toString()
  const send = (text: string): void => socket.send(text, portOf(engine, 'udp'), '127.0.0.1')
  send(bad.replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE'))
  send('no SIP at all')
  const stream = connect(portOf(engine, 'tcp'), '127.0.0.1')
  t.teardown(() => stream.destroy())
  stream.write(bad.replace('Content-Length: 0', 'Content-Length: x'))
  await until(() => signalling.outside(100).length >= 5)
  const seen = signalling.outside(100).map(({ sent, flow, bytes }) => ({
    what: `${sent ? '>' : '<'} ${flow.protocol} ${bytes.toString().split('\r\n')[0]?.slice(0, 20)}`,
  }))
  const lines = seen.map(({ what }) => what)
  t.ok(lines.includes('< udp OPTIONS sip:x@127.0.'), 'a request that is refused')
  t.ok(lines.includes('< udp no SIP at all'), 'what is no SIP')
  t.ok(lines.includes('< tcp OPTIONS sip:x@127.0.'), 'what breaks a stream')
  t.equal(lines.filter((line) => /^> (udp|tcp) SIP\/2\.0 400/.test(line)).length, 2, 'and the answers')
})
