import t from 'tap'
import { plainSdp } from '#test/pbx/support/wire-phone.ts'
import { startOffice, type OfficeOptions } from '#test/pbx/support/test-office.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const annaNumber = '+493055501001'
const benNumber = '+493055501002'

async function twoPhones(t: Parameters<typeof startOffice>[0], options: OfficeOptions = {}) {
  const office = await startOffice(t, options)
  const anna = await office.phone('anna', { name: 'Anna', number: annaNumber })
  const ben = await office.phone('ben', { name: 'Ben', number: benNumber })
  await anna.register()
  await ben.register()
  return { office, anna, ben }
}

const audioPort = (sdp: string): number => Number(/^m=audio (\d+)/m.exec(sdp)?.[1])

t.test(
  'a call from phone to phone: ringing, answer, audio both ways through the box, BYE, call log',
  async (t) => {
    const { office, anna, ben } = await twoPhones(t)
    const record = office.nextRecord()
    const call = await anna.call(benNumber, { sdp: plainSdp(4100) })
    const invite = await ben.request('INVITE')
    t.match(invite.startLine, `INVITE ${ben.contact} SIP/2.0`, 'the Request-URI is the registered contact')
    t.match(invite.header('From'), /^"Anna" <sip:\+493055501001@127\.0\.0\.1/)
    t.match(invite.header('Contact'), /^<sip:\+493055501001@127\.0\.0\.1:\d+>/)
    t.match(invite.body, /c=IN IP4 127\.0\.0\.1/)
    t.not(audioPort(invite.body), 4100, 'Ben is offered a port of the relay')
    t.match(office.pbx.liveCalls(), [
      { state: 'ringing', dialled: benNumber, callees: [{ number: benNumber }] },
    ])

    ben.respond(invite, 180)
    await anna.provisional(call, 180)
    ben.respond(invite, 200, { body: plainSdp(4200) })
    const answer = await call.answered()
    t.equal(answer.status, 200)
    t.not(audioPort(answer.body), 4200, 'Anna is answered with a port of the relay')
    await ben.request('ACK')
    t.match(office.pbx.liveCalls(), [{ state: 'answered' }])
    t.equal((await office.relay.totals()).sessions, 1)

    t.equal((await call.inDialog('BYE')).status, 200)
    ben.respond(await ben.request('BYE'), 200)
    t.match(await record, {
      cause: 'CALL_ENDED_BY_CALLER',
      sipStatus: 200,
      dialled: benNumber,
      caller: { kind: 'line', id: 'l-anna', number: annaNumber, displayName: 'Anna' },
      callee: { kind: 'line', id: 'l-ben', number: benNumber, displayName: 'Ben' },
      answeredAtMs: Number,
    })
    await office.expectNoLeak(t)
    t.match(await office.logged(1), [{ cause: 'CALL_ENDED_BY_CALLER' }])
  },
)

t.test('the called side hangs up', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const record = office.nextRecord()
  const call = await anna.call(benNumber)
  const invite = await ben.request('INVITE')
  ben.respond(invite, 200, { body: plainSdp(4200) })
  await call.answered()
  await ben.request('ACK')
  const bye = ben.requestBack(invite, 'BYE', 1)
  anna.respond(await anna.request('BYE'), 200)
  t.equal((await ben.final(bye, 1, 'BYE')).status, 200)
  t.match(await record, { cause: 'CALL_ENDED_BY_CALLEE', sipStatus: 200 })
  await office.expectNoLeak(t)
})

t.test('busy, declined and refused reach the caller with their own status', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const table: [number, number, string][] = [
    [486, 486, 'CALL_BUSY'],
    [603, 603, 'CALL_DECLINED'],
    [480, 480, 'CALL_DEVICE_REFUSED'],
    [488, 488, 'CALL_NO_CODEC'],
    [404, 480, 'CALL_DEVICE_REFUSED'],
  ]
  for (const [answered, told, cause] of table) {
    const record = office.nextRecord()
    const from = ben.heard.length
    const call = await anna.call(benNumber)
    ben.respond(await ben.request('INVITE', from), answered)
    const final = await call.answered()
    t.equal(final.status, told, `${answered} from the phone`)
    t.match(final.header('Warning'), /^399 branchline "[A-Z].*\."$/)
    t.match(await record, { cause, sipStatus: told, answeredAtMs: undefined })
  }
  await office.expectNoLeak(t)
})

t.test('the caller gives up: the phone is cancelled, the caller hears 487', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const record = office.nextRecord()
  const call = await anna.call(benNumber)
  const invite = await ben.request('INVITE')
  ben.respond(invite, 180)
  await anna.provisional(call, 180)
  call.cancel()
  const cancel = await ben.request('CANCEL')
  ben.respond(cancel, 200)
  ben.respond(invite, 487)
  t.equal((await call.answered()).status, 487)
  t.match(await record, { cause: 'CALL_CANCELLED', sipStatus: 487 })
  await office.expectNoLeak(t)
})

t.test('nobody answers: after the ring time the phone is cancelled and the caller hears 480', async (t) => {
  const clock = new FakeClock()
  const { office, anna, ben } = await twoPhones(t, { clock, settings: { ringTimeoutS: 20 } })
  const record = office.nextRecord()
  const call = await anna.call(benNumber)
  const invite = await ben.request('INVITE')
  ben.respond(invite, 180)
  await anna.provisional(call, 180)
  await clock.run(19_999)
  t.equal(office.pbx.liveCalls().length, 1)
  await clock.run(1)
  const final = await call.answered()
  t.equal(final.status, 480)
  const cancel = await ben.request('CANCEL')
  t.match(cancel.header('Reason'), /cause=19/)
  ben.respond(cancel, 200)
  ben.respond(invite, 487)
  t.match(await record, { cause: 'CALL_NO_ANSWER', sipStatus: 480 })
  await office.expectNoLeak(t)
})

t.test('a call rings every phone of the person; the first answer wins', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const dect = await office.phone('dect', { name: 'Ben', number: benNumber })
  await dect.register()
  const call = await anna.call(benNumber)
  const atBen = await ben.request('INVITE')
  const atDect = await dect.request('INVITE')
  ben.respond(atBen, 180)
  dect.respond(atDect, 180)
  await anna.provisional(call, 180)
  t.equal((await office.relay.totals()).sessions, 2, 'one media session per branch')
  dect.respond(atDect, 200, { body: plainSdp(4300) })
  const answer = await call.answered()
  t.equal(answer.status, 200)
  t.equal(anna.heard.filter((message) => message.status === 180).length, 1, 'one ringback')
  const cancel = await ben.request('CANCEL')
  t.equal(cancel.header('Reason'), 'SIP;cause=200;text="Call completed elsewhere"')
  ben.respond(cancel, 200)
  ben.respond(atBen, 487)
  await dect.request('ACK')
  t.match(office.pbx.liveCalls(), [{ callees: [{ id: 'l-dect' }] }])

  await call.inDialog('BYE')
  dect.respond(await dect.request('BYE'), 200)
  await office.expectNoLeak(t)
})

t.test('a second answer that crosses the CANCEL is acknowledged and hung up', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const dect = await office.phone('dect', { name: 'Ben', number: benNumber })
  await dect.register()
  const call = await anna.call(benNumber)
  const atBen = await ben.request('INVITE')
  const atDect = await dect.request('INVITE')
  ben.respond(atBen, 200, { body: plainSdp(4200) })
  dect.respond(atDect, 200, { body: plainSdp(4300) })
  t.equal((await call.answered()).status, 200)
  const first = await Promise.race([
    dect.request('BYE').then((bye) => ({ loser: dect, bye })),
    ben.request('BYE').then((bye) => ({ loser: ben, bye })),
  ])
  first.loser.respond(first.bye, 200)
  await first.loser.request('ACK')
  t.equal(office.pbx.liveCalls().length, 1, 'the call itself goes on')
  const bye = call.inDialog('BYE')
  const winner = first.loser === ben ? dect : ben
  winner.respond(await winner.request('BYE'), 200)
  await bye
  await office.expectNoLeak(t)
})

t.test('hold and resume go through the relay to the other phone', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const call = await anna.call(benNumber, { sdp: plainSdp(4100) })
  const invite = await ben.request('INVITE')
  ben.respond(invite, 200, { body: plainSdp(4200) })
  const first = await call.answered()
  await ben.request('ACK')

  const held = call.inDialog('INVITE', plainSdp(4100, { direction: 'sendonly', version: 2 }))
  const atBen = await ben.request('INVITE', ben.heard.indexOf(invite) + 1)
  t.match(atBen.body, /^a=sendonly\r$/m)
  ben.respond(atBen, 200, { body: plainSdp(4200, { direction: 'recvonly', version: 2 }) })
  const heldAnswer = await held
  t.equal(heldAnswer.status, 200)
  t.match(heldAnswer.body, /^a=recvonly\r$/m)
  t.equal(audioPort(heldAnswer.body), audioPort(first.body), 'the relay keeps its port')

  // Ben resumes from his side.
  const back = ben.requestBack(invite, 'INVITE', 1, { body: plainSdp(4200, { version: 3 }) })
  const atAnna = await anna.request('INVITE')
  t.match(atAnna.body, /^a=sendrecv\r$/m)
  anna.respond(atAnna, 200, { tag: 'x', body: plainSdp(4100, { version: 3 }) })
  const resumed = await ben.final(back, 1, 'INVITE')
  t.equal(resumed.status, 200)
  ben.ackBack(invite, resumed)

  // A refresh changes nothing and bothers nobody.
  const before = ben.heard.length
  const refresh = await call.inDialog('INVITE', plainSdp(4100, { version: 3 }))
  t.equal(refresh.status, 200)
  t.equal(ben.heard.slice(before).filter((message) => message.method === 'INVITE').length, 0)

  const bye = call.inDialog('BYE')
  ben.respond(await ben.request('BYE'), 200)
  await bye
  await office.expectNoLeak(t)
})

t.test('a refused re-offer leaves the call as it is, and the next one works', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const call = await anna.call(benNumber, { sdp: plainSdp(4100) })
  const invite = await ben.request('INVITE')
  ben.respond(invite, 200, { body: plainSdp(4200) })
  await call.answered()
  await ben.request('ACK')
  for (const [round, status] of [488, 491, 200].entries()) {
    const from = ben.heard.length
    const again = call.inDialog('INVITE', plainSdp(4100, { direction: 'sendonly', version: 2 + round }))
    const atBen = await ben.request('INVITE', from)
    const ok = status === 200 ? { body: plainSdp(4200, { direction: 'recvonly', version: 2 }) } : {}
    ben.respond(atBen, status, ok)
    t.equal((await again).status, status)
  }
  const bye = call.inDialog('BYE')
  ben.respond(await ben.request('BYE'), 200)
  await bye
  await office.expectNoLeak(t)
})

t.test('hold and resume by re-INVITE without description: offer in the 200, answer in the ACK', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const call = await anna.call(benNumber, { sdp: plainSdp(4100) })
  const invite = await ben.request('INVITE')
  ben.respond(invite, 200, { body: plainSdp(4200) })
  await call.answered()
  await ben.request('ACK')
  for (const [round, direction, reply] of [
    [1, 'sendonly', 'recvonly'],
    [2, 'sendrecv', 'sendrecv'],
    [3, 'inactive', 'inactive'],
    [4, 'sendrecv', 'sendrecv'],
  ] as const) {
    const from = ben.heard.length
    const answer = (offer: string): string => {
      if (offer === '') return ''
      t.match(offer, /^a=sendrecv\r$/m, 'the offer lets the phone choose')
      return plainSdp(4100, { direction, version: 1 + round })
    }
    let final = await call.inDialog('INVITE', undefined, [], answer)
    // The round before may not be over inside the box yet; phones try again then as well.
    while (final.status === 491) final = await call.inDialog('INVITE', undefined, [], answer)
    t.equal(final.status, 200)
    const atBen = await ben.request('INVITE', from)
    t.match(atBen.body, new RegExp(`^a=${direction}\\r$`, 'm'), `Ben hears ${direction}`)
    ben.respond(atBen, 200, { body: plainSdp(4200, { direction: reply, version: 1 + round }) })
    await ben.request('ACK', ben.heard.indexOf(atBen))
  }
  const before = ben.heard.length
  const moved = (offer: string): string => (offer === '' ? '' : plainSdp(4102, { version: 9 }))
  while ((await call.inDialog('INVITE', undefined, [], moved)).status !== 200);
  t.equal((await call.inDialog('OPTIONS')).status, 200)
  t.equal(ben.heard.length, before, 'a new address alone is the business of the relay')
  const bye = call.inDialog('BYE')
  ben.respond(await ben.request('BYE'), 200)
  await bye
  await office.expectNoLeak(t)
})

t.test('a side that does not know the call any more ends it (RFC 5057), Require is heeded', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  for (const [method, body] of [
    ['INFO', 'Signal=5\r\n'],
    ['INVITE', plainSdp(4100, { direction: 'sendonly', version: 2 })],
  ] as const) {
    const record = office.nextRecord()
    const from = ben.heard.length
    const call = await anna.call(benNumber, { sdp: plainSdp(4100) })
    const invite = await ben.request('INVITE', from)
    ben.respond(invite, 200, { body: plainSdp(4200) })
    await call.answered()
    await ben.request('ACK', from)
    const required = await call.inDialog('UPDATE', undefined, ['Require: 100rel, teleport'])
    t.equal(required.status, 420)
    t.equal(required.header('Unsupported'), 'teleport')
    const heard = anna.heard.length
    const asked = call.inDialog(
      method,
      body,
      method === 'INFO' ? ['Content-Type: application/dtmf-relay'] : [],
    )
    ben.respond(await ben.request(method, ben.heard.indexOf(invite) + 1), 481)
    t.equal((await asked).status, 481)
    anna.respond(await anna.request('BYE', heard), 200)
    t.match(await record, { cause: 'CALL_ENDED_BY_CALLEE' })
  }
  await office.expectNoLeak(t)
})

t.test('what else comes inside a call is answered properly', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const call = await anna.call(benNumber)
  const invite = await ben.request('INVITE')
  ben.respond(invite, 200, { body: plainSdp(4200) })
  await call.answered()
  await ben.request('ACK')

  const info = call.inDialog('INFO', 'Signal=5\r\n', ['Content-Type: application/dtmf-relay'])
  const atBen = await ben.request('INFO')
  t.equal(atBen.body, 'Signal=5\r\n')
  t.equal(atBen.header('Content-Type'), 'application/dtmf-relay')
  ben.respond(atBen, 200)
  t.equal((await info).status, 200)
  t.equal((await call.inDialog('OPTIONS')).status, 200)
  t.equal((await call.inDialog('REFER', undefined, ['Refer-To: <sip:x@127.0.0.1>'])).status, 405)
  t.equal((await call.inDialog('UPDATE')).status, 200)
  t.equal((await call.inDialog('MESSAGE', 'hi', ['Content-Type: text/plain'])).status, 405)

  const bye = call.inDialog('BYE')
  ben.respond(await ben.request('BYE'), 200)
  await bye
  await office.expectNoLeak(t)
})

t.test('routing refuses with a clear word, and every refusal is in the log', async (t) => {
  const { office, anna } = await twoPhones(t)
  const lobby = await office.phone('lobby')
  await lobby.register()
  const table: [typeof anna, string, number, string][] = [
    [anna, '112', 503, 'CALL_EMERGENCY_NO_TRUNK'],
    [anna, '+493055509999', 404, 'CALL_NO_ROUTE'],
    [anna, 'nobody', 484, 'CALL_NUMBER_INVALID'],
    [anna, '*33*', 484, 'FEATURE_MALFORMED'],
    [lobby, benNumber, 403, 'CALL_SIGN_IN_FIRST'],
    [lobby, '*30*', 403, 'CALL_SIGN_IN_FIRST'],
  ]
  for (const [phone, dialled, status, cause] of table) {
    const record = office.nextRecord()
    const final = await (await phone.call(dialled)).answered()
    t.equal(final.status, status, dialled)
    t.match(await record, { cause, sipStatus: status, dialled })
  }
  t.equal((await office.logged(table.length)).length, table.length)
  await office.expectNoLeak(t)
})

t.test('a caller must prove who he is', async (t) => {
  const { office, anna } = await twoPhones(t)
  const wrong = Object.assign(await office.phone('mallory'), { password: 'guess' })
  const final = await (await wrong.call(benNumber)).answered()
  t.equal(final.status, 403)
  t.equal(office.store.callLog.count(), 0, 'nobody called, so nothing is logged as a call')
  t.match(office.pbx.counters(), { authWrongPassword: 1 })
  // The name of a trunk's host in a header proves nothing: the transports strip it.
  const forged = await anna.call(benNumber, {
    fields: ['X-Peer-Certificate-Names: sip.pstnhub.microsoft.com'],
  })
  forged.cancel()
})

t.test('SDP that cannot be used is refused with 488 and rings nobody', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const table: [string, string][] = [
    ['', 'CALL_SDP_MISSING'],
    ['v=0\r\nnonsense\r\n', 'CALL_SDP_UNUSABLE'],
    [plainSdp(4100).replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF'), 'CALL_SDP_UNUSABLE'],
    [plainSdp(4100, { codecs: ['97 H264/90000'] }), 'CALL_NO_CODEC'],
    [plainSdp(4100).replace('c=IN IP4 127.0.0.1', 'c=IN IP4 not-an-address'), 'CALL_SDP_UNUSABLE'],
    [plainSdp(4100).replace('RTP/AVP', 'RTP/SAVP'), 'CALL_SDP_UNUSABLE'],
  ]
  for (const [sdp, cause] of table) {
    const record = office.nextRecord()
    const final = await (await anna.call(benNumber, { sdp })).answered()
    t.equal(final.status, 488, cause)
    t.match(await record, { cause })
  }
  t.equal(ben.heard.filter((message) => message.method === 'INVITE').length, 0)
  t.match(office.pbx.counters(), { sdpMissing: 1, sdpUnusable: 5 })
  await office.expectNoLeak(t)
})

t.test('an answer without a usable description is hung up, and the caller hears 488', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const record = office.nextRecord()
  const call = await anna.call(benNumber)
  const invite = await ben.request('INVITE')
  ben.respond(invite, 200, { body: plainSdp(4200, { codecs: ['97 H264/90000'] }) })
  ben.respond(await ben.request('BYE'), 200)
  t.equal((await call.answered()).status, 488)
  t.match(await record, { cause: 'CALL_NO_CODEC' })
  await office.expectNoLeak(t)
})

t.test('the page ends a call, in whatever state it is', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  let record = office.nextRecord()
  const ringing = await anna.call(benNumber)
  const invite = await ben.request('INVITE')
  t.equal(office.pbx.hangUp(office.pbx.liveCalls()[0]?.id ?? ''), true)
  t.equal((await ringing.answered()).status, 480)
  t.match(await record, { cause: 'CALL_STOPPED' })
  ben.respond(invite, 180)
  ben.respond(await ben.request('CANCEL'), 200)
  ben.respond(invite, 487)

  record = office.nextRecord()
  const from = ben.heard.length
  const talking = await anna.call(benNumber)
  ben.respond(await ben.request('INVITE', from), 200, { body: plainSdp(4200) })
  await talking.answered()
  await ben.request('ACK', from)
  t.equal(office.pbx.hangUp(office.pbx.liveCalls()[0]?.id ?? ''), true)
  ben.respond(await ben.request('BYE'), 200)
  anna.respond(await anna.request('BYE'), 200)
  t.match(await record, { cause: 'CALL_ENDED_BY_ADMIN' })
  t.equal(office.pbx.hangUp('unknown'), false)
  await office.expectNoLeak(t)
})

t.test('extensions that a caller requires are honoured or named', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const refused = await (await anna.call(benNumber, { fields: ['Require: replaces, timer'] })).answered()
  t.equal(refused.status, 420)
  t.equal(refused.header('Unsupported'), 'replaces')
  t.equal(office.store.callLog.count(), 0)

  const call = await anna.call(benNumber, { fields: ['Require: 100rel'] })
  const invite = await ben.request('INVITE')
  ben.respond(invite, 180)
  const ringing = await anna.provisional(call, 180)
  t.match(ringing.header('Require'), /100rel/)
  const sequence = ringing.header('RSeq')
  t.match(sequence, /^\d+$/)
  t.equal((await call.acknowledgeRinging(ringing)).status, 200)
  ben.respond(invite, 200, { body: plainSdp(4200) })
  t.equal((await call.answered()).status, 200)
  const bye = call.inDialog('BYE')
  ben.respond(await ben.request('BYE'), 200)
  t.equal((await bye).status, 200)
  await office.expectNoLeak(t)
})

t.test('the page ends a call that is only just being routed', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  office.pbx.on('callStarted', ({ id }) => void office.pbx.hangUp(id))
  const record = office.nextRecord()
  t.equal((await (await anna.call(benNumber)).answered()).status, 480)
  t.match(await record, { cause: 'CALL_STOPPED' })
  t.equal(ben.heard.filter((message) => message.method === 'INVITE').length, 0)
  await office.expectNoLeak(t)
})

t.test('the relay dies: both sides are hung up', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const record = office.nextRecord()
  const call = await anna.call(benNumber)
  ben.respond(await ben.request('INVITE'), 200, { body: plainSdp(4200) })
  await call.answered()
  await ben.request('ACK')
  await office.relay.workers[0]?.kill()
  ben.respond(await ben.request('BYE'), 200)
  anna.respond(await anna.request('BYE'), 200)
  t.match(await record, { cause: 'CALL_RELAY_DIED' })
})

t.test('draining refuses new calls, lets live ones end, then ends them', async (t) => {
  const clock = new FakeClock()
  const { office, anna, ben } = await twoPhones(t, { clock })
  const record = office.nextRecord()
  const call = await anna.call(benNumber)
  ben.respond(await ben.request('INVITE'), 200, { body: plainSdp(4200) })
  await call.answered()
  await ben.request('ACK')

  let drained = false
  const draining = office.pbx.drain(10_000).then(() => void (drained = true))
  const refused = await (await ben.call(annaNumber)).answered()
  t.equal(refused.status, 503)
  t.match(refused.header('Retry-After'), /^\d+$/)
  await clock.run(9_999)
  t.equal(drained, false)
  await clock.run(1)
  ben.respond(await ben.request('BYE'), 200)
  anna.respond(await anna.request('BYE'), 200)
  await draining
  t.match(await record, { cause: 'CALL_STOPPING' })
  t.same((await office.logged(2)).map(({ cause }) => cause).sort(), [
    'CALL_ENDED_BY_SHUTDOWN',
    'CALL_STOPPING',
  ])
})

t.test('a call that goes in circles through a PBX behind a line comes to an end', async (t) => {
  const { office, anna, ben } = await twoPhones(t)
  const call = await anna.call(benNumber, { maxForwards: 3 })
  const invite = await ben.request('INVITE')
  t.equal(invite.header('Max-Forwards'), '2', 'what the caller had left goes on')
  ben.respond(invite, 486)
  await call.answered()
  const record = office.nextRecord()
  t.equal((await (await anna.call(benNumber, { maxForwards: 0 })).answered()).status, 483)
  t.match(await record, { cause: 'CALL_IN_CIRCLES' })
  await office.expectNoLeak(t)
})
