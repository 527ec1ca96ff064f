import t, { type Test } from 'tap'
import type { LabCall } from '#src/lab/teams-edge-port.ts'
import type { TrunkHealth } from '#src/pbx/ports.ts'
import { startLabTeams } from '#test/pbx/support/lab-teams.ts'
import { startOffice } from '#test/pbx/support/test-office.ts'
import { plainSdp } from '#test/pbx/support/wire-phone.ts'

const annaNumber = '+493055501001'
const benNumber = '+493055501002'
const echoNumber = '+493055502002'
const busyNumber = '+493055502004'
const neverNumber = '+493055502005'

async function officeWithTeams(t: Test, options: Parameters<typeof startLabTeams>[1] = {}) {
  const teams = await startLabTeams(t, options)
  const office = await startOffice(t, { trunk: teams.trunk, engine: teams.engine })
  teams.officeListensAt(office.engine.tlsPort)
  const anna = await office.phone('anna', { name: 'Anna', number: annaNumber })
  await anna.register()
  return { teams, office, anna }
}

async function labCall(
  teams: { edge: { calls(): LabCall[] } },
  fits: (call: LabCall) => boolean,
): Promise<LabCall> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const call = teams.edge.calls().find(fits)
    if (call) return call
    if (performance.now() > deadline)
      throw new Error(`the lab saw only ${JSON.stringify(teams.edge.calls())}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('the trunk comes up by OPTIONS over mutual TLS', async (t) => {
  const teams = await startLabTeams(t)
  const changes: TrunkHealth[] = []
  const office = await startOffice(t, { trunk: teams.trunk, engine: teams.engine })
  office.pbx.on('trunkChanged', (health) => void changes.push(health))
  teams.officeListensAt(office.engine.tlsPort)
  const deadline = performance.now() + 30_000
  while (office.pbx.trunks()[0]?.state !== 'up' && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.match(office.pbx.trunks(), [{ name: 'teams', state: 'up' }])
  t.equal(office.pbx.trunks()[0]?.hosts.length, 3)
  t.equal(changes.at(-1)?.state, 'up')
})

t.test('without a tenant the trunk is off', async (t) => {
  const office = await startOffice(t)
  t.same(office.pbx.trunks(), [{ name: 'teams', state: 'off', hosts: [] }])
})

t.test('phone to Teams and back by BYE from either side', async (t) => {
  const { teams, office, anna } = await officeWithTeams(t)
  let record = office.nextRecord()
  const call = await anna.call('030 5550 2002'.replaceAll(' ', ''))
  const answer = await call.answered()
  t.equal(answer.status, 200, answer.startLine)
  t.match(answer.body, /RTP\/AVP/, 'the phone stays on plain RTP')
  const atTeams = await labCall(teams, (one) => one.to === echoNumber)
  t.match(atTeams, { direction: 'fromBox', from: annaNumber, state: 'answered' })
  t.match(office.pbx.liveCalls(), [
    { state: 'answered', callees: [{ kind: 'trunk', id: 'teams', number: echoNumber }] },
  ])
  t.equal((await call.inDialog('BYE')).status, 200)
  t.match(await record, { cause: 'CALL_ENDED_BY_CALLER', callee: { id: 'teams' } })
  await office.expectNoLeak(t)

  record = office.nextRecord()
  const second = await anna.call(echoNumber)
  await second.answered()
  const going = await labCall(teams, (one) => one.to === echoNumber && one.state === 'answered')
  teams.edge.hangUp(going.callId)
  anna.respond(await anna.request('BYE'), 200)
  t.match(await record, { cause: 'CALL_ENDED_BY_CALLEE' })
  await office.expectNoLeak(t)
})

t.test('busy, unknown and cancelled at Teams', async (t) => {
  const { teams, office, anna } = await officeWithTeams(t)
  let record = office.nextRecord()
  t.equal((await (await anna.call(busyNumber)).answered()).status, 486)
  t.match(await record, { cause: 'CALL_BUSY', sipStatus: 486 })

  record = office.nextRecord()
  const unknown = await (await anna.call('+493055509999')).answered()
  t.match(await record, { cause: /^CALL_TEAMS_(UNKNOWN_NUMBER|FORBIDDEN)$/, sipStatus: unknown.status })

  record = office.nextRecord()
  const never = await anna.call(neverNumber)
  await anna.provisional(never, 180)
  never.cancel()
  t.equal((await never.answered()).status, 487)
  t.match(await record, { cause: 'CALL_CANCELLED' })
  await labCall(teams, (one) => one.to === neverNumber && one.state === 'ended' && one.sipStatus === 487)
  await office.expectNoLeak(t)
})

t.test('Teams to phone: SRTP toward Teams, Contact with the FQDN, the phone on plain RTP', async (t) => {
  const { teams, office, anna } = await officeWithTeams(t)
  const record = office.nextRecord()
  await teams.edge.placeCall({ from: benNumber, to: annaNumber })
  const invite = await anna.request('INVITE')
  t.match(invite.header('From'), /sip:\+493055501002@127\.0\.0\.1/)
  t.match(invite.body, /m=audio \d+ RTP\/AVP /)
  t.notMatch(invite.body, /a=crypto/)
  anna.respond(invite, 180)
  anna.respond(invite, 200, { body: plainSdp(4200) })
  await anna.request('ACK')
  await labCall(teams, (one) => one.direction === 'toBox' && one.state === 'answered')
  const bye = anna.requestBack(invite, 'BYE', 1)
  t.equal((await anna.final(bye, 1, 'BYE')).status, 200)
  t.match(await record, {
    cause: 'CALL_ENDED_BY_CALLEE',
    caller: { kind: 'trunk', id: 'teams', number: benNumber },
    callee: { kind: 'line', id: 'l-anna' },
  })
  await office.expectNoLeak(t)
})

t.test('from Teams for nobody here: 404, and never back to Teams', async (t) => {
  const { teams, office } = await officeWithTeams(t)
  const record = office.nextRecord()
  await teams.edge.placeCall({ from: benNumber, to: '+493055508888' })
  t.match(await record, { cause: 'CALL_NOT_LOCAL', sipStatus: 404 })
  await labCall(teams, (one) => one.direction === 'toBox' && one.sipStatus === 404)
  t.equal(teams.edge.calls().filter((one) => one.direction === 'fromBox').length, 0)
})

t.test("a Teams user's number rings his phone and Teams at once", async (t) => {
  const { teams, office, anna } = await officeWithTeams(t)
  const ben = await office.phone('ben', { name: 'Ben', number: benNumber })
  await ben.register()

  // The phone answers: Teams is told that the call was completed elsewhere.
  let record = office.nextRecord()
  const first = await anna.call(benNumber)
  const atBen = await ben.request('INVITE')
  await labCall(teams, (one) => one.to === benNumber && one.state === 'ringing')
  ben.respond(atBen, 200, { body: plainSdp(4200) })
  t.equal((await first.answered()).status, 200)
  const lost = await labCall(teams, (one) => one.to === benNumber && one.state === 'ended')
  t.match(lost.reason, /Call completed elsewhere/)
  const bye = first.inDialog('BYE')
  ben.respond(await ben.request('BYE'), 200)
  await bye
  t.match(await record, { callee: { kind: 'line', id: 'l-ben' } })
  await office.expectNoLeak(t)

  // Teams answers: the phone is told the same.
  record = office.nextRecord()
  teams.edge.setBehaviour(benNumber, { answer: 'afterMs', afterMs: 100, audio: 'echo' })
  const from = ben.heard.length
  const second = await anna.call(benNumber)
  const again = await ben.request('INVITE', from)
  ben.respond(again, 180)
  t.equal((await second.answered()).status, 200)
  const cancel = await ben.request('CANCEL', from)
  t.match(cancel.header('Reason'), /cause=200;text="Call completed elsewhere"/)
  ben.respond(cancel, 200)
  ben.respond(again, 487)
  await second.inDialog('BYE')
  t.match(await record, { callee: { kind: 'trunk', id: 'teams' } })
  await office.expectNoLeak(t)
})

t.test('hold toward Teams is a=inactive whatever the phone says', async (t) => {
  const { teams, office, anna } = await officeWithTeams(t)
  const call = await anna.call(echoNumber, { sdp: plainSdp(4100) })
  t.equal((await call.answered()).status, 200)
  const held = await call.inDialog('INVITE', plainSdp(4100, { direction: 'sendonly', version: 2 }))
  t.equal(held.status, 200)
  t.match(held.body, /^a=inactive\r$/m)
  const resumed = await call.inDialog('INVITE', plainSdp(4100, { version: 3 }))
  t.equal(resumed.status, 200)
  t.match(resumed.body, /^a=sendrecv\r$/m)
  t.equal((await call.inDialog('INFO', 'Signal=5\r\n', ['Content-Type: application/dtmf-relay'])).status, 415)
  await call.inDialog('BYE')
  await labCall(teams, (one) => one.to === echoNumber && one.state === 'ended')
  await office.expectNoLeak(t)
})

t.test('a dead first host costs one failover, not the call', async (t) => {
  const { teams, office, anna } = await officeWithTeams(t, {
    hosts: (port) => [
      // Nothing listens there.
      { name: 'sip.pstnhub.lab.branchline.example', port: 1, address: '127.0.0.1' },
      { name: 'sip2.pstnhub.lab.branchline.example', port, address: '127.0.0.1' },
    ],
  })
  const call = await anna.call(echoNumber)
  t.equal((await call.answered()).status, 200)
  await labCall(teams, (one) => one.to === echoNumber && one.state === 'answered')
  await call.inDialog('BYE')
  t.match(office.pbx.trunks()[0]?.hosts, [{ up: false, lastError: String }, { name: /^sip2/ }])
  await office.expectNoLeak(t)
})

t.test('no Teams host takes the call: a clear 503', async (t) => {
  const { office, anna } = await officeWithTeams(t, {
    hosts: () => [{ name: 'sip.pstnhub.lab.branchline.example', port: 1, address: '127.0.0.1' }],
  })
  const record = office.nextRecord()
  t.equal((await (await anna.call(echoNumber)).answered()).status, 503)
  t.match(await record, { cause: 'CALL_TEAMS_UNREACHABLE' })
  await office.expectNoLeak(t)
})
