import t, { type Test } from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import type { PromptName } from '#src/pbx/options.ts'
import { prompt } from '#src/media/endpoint/prompts.ts'
import { startOffice, signInOn, type TestOffice } from '#test/pbx/support/test-office.ts'
import { plainSdp, type WireCall, type WirePhone } from '#test/pbx/support/wire-phone.ts'
import { someUser } from '#test/store/store-fixture.ts'

const user = someUser({ id: 'Anna', displayName: 'Anna', number: '+493055501001' })

/** An office that notes what it says; phrases are cut to a tenth of a second. */
async function talkingOffice(t: Test): Promise<{ office: TestOffice; said: string[]; phone: WirePhone }> {
  const said: string[] = []
  const note = (text: string) => {
    said.push(text)
    return prompt('goodbye').subarray(0, 800)
  }
  const office = await startOffice(t, {
    pbx: { prompts: { prompt: (name: PromptName) => note(name), spell: (text) => note(`spell ${text}`) } },
  })
  const phone = await office.phone('anna')
  await phone.register()
  return { office, said, phone }
}

async function dial(phone: WirePhone, code: string): Promise<WireCall> {
  const call = await phone.call(code)
  const answer = await call.answered()
  if (answer.status !== 200) throw new Error(answer.startLine)
  return call
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('*50* reads the code twice, waits, says who it went and hangs up', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  const record = office.nextRecord()
  await dial(phone, '*50*')
  await until('the code was read twice', () => said.length === 4)
  t.same(said, ['sign-in-open', 'spell AB12', 'sign-in-again', 'spell AB12'])
  t.same(office.signIn.begun, ['l-anna phone:anna'])
  t.match(office.pbx.liveCalls(), [{ state: 'answered', callees: [{ kind: 'service', id: '*50*' }] }])
  // Somebody else signs in: not this call's business.
  office.signIn.emit('signedIn', {
    signIn: { lineId: 'l-other', userId: 'x', signedInAtMs: 1, verifiedAtMs: 1 },
    user,
  })
  office.signIn.emit('signedIn', {
    signIn: { lineId: 'l-anna', userId: 'Anna', signedInAtMs: 1, verifiedAtMs: 1 },
    user,
  })
  phone.respond(await phone.request('BYE'), 200)
  t.equal(said.at(-1), 'signed-in')
  t.match(await record, {
    cause: 'FEATURE_DONE',
    sipStatus: 200,
    explanation: 'Anna signed in.',
    dialled: '*50*',
  })
  await office.expectNoLeak(t)
})

t.test('*50* says why a sign-in failed', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  const table: [string, string][] = [
    ['SIGN_IN_NOT_ALLOWED', 'sign-in-not-allowed'],
    ['SIGN_IN_NO_NUMBER', 'sign-in-not-allowed'],
    ['TENANT_UNREACHABLE', 'tenant-unreachable'],
    ['SIGN_IN_FAILED', 'sign-in-failed'],
  ]
  for (const [code, phrase] of table) {
    const from = phone.heard.length
    const record = office.nextRecord()
    await dial(phone, '*50*')
    await until('the sign-in began', () => said.at(-1) === 'spell AB12')
    office.signIn.emit('signInFailed', { lineId: 'l-anna', code, text: `because of ${code}` })
    phone.respond(await phone.request('BYE', from), 200)
    t.equal(said.at(-1), phrase)
    t.match(await record, { cause: 'FEATURE_FAILED', explanation: `because of ${code}` })
    said.length = 0
  }
  office.signIn.beginResult = () => Promise.reject(new ApplianceError('TENANT_UNREACHABLE'))
  const from = phone.heard.length
  const record = office.nextRecord()
  await dial(phone, '*50*')
  phone.respond(await phone.request('BYE', from), 200)
  t.same(said, ['tenant-unreachable'])
  t.match(await record, { cause: 'FEATURE_FAILED' })
  await office.expectNoLeak(t)
})

t.test('hanging up during *50* ends the call and leaves the sign-in going', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  const record = office.nextRecord()
  const call = await dial(phone, '*50*')
  await until('the box speaks', () => said.length > 0)
  t.equal((await call.inDialog('BYE')).status, 200)
  t.match(await record, { cause: 'FEATURE_DONE' })
  await office.expectNoLeak(t)
})

t.test('*50* on a line with somebody on it says so and starts nothing', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  signInOn(office.store, 'l-anna', { name: 'Anna', number: '+493055501001' })
  const record = office.nextRecord()
  await dial(phone, '*50*')
  phone.respond(await phone.request('BYE'), 200)
  t.same(said, ['signed-in'])
  t.same(office.signIn.begun, [])
  t.match(await record, { cause: 'FEATURE_DONE' })
})

t.test('*51* signs out, confirms and hangs up', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  signInOn(office.store, 'l-anna', { name: 'Anna', number: '+493055501001' })
  const record = office.nextRecord()
  await dial(phone, '*51*#'.replace('#', '%23'))
  phone.respond(await phone.request('BYE'), 200)
  t.same(said, ['signed-out'])
  t.same(office.signIn.signedOut, ['l-anna'])
  t.match(await record, { cause: 'FEATURE_DONE', caller: { displayName: 'Anna' } })
  await office.expectNoLeak(t)
})

t.test('the other codes say that they are not available', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  signInOn(office.store, 'l-anna', { name: 'Anna', number: '+493055501001' })
  for (const code of ['*30*', '*33*030123456%23', '*99*', '*55*123456']) {
    const from = phone.heard.length
    const record = office.nextRecord()
    await dial(phone, code)
    phone.respond(await phone.request('BYE', from), 200)
    t.equal(said.at(-1), 'not-available', code)
    t.match(await record, { cause: 'FEATURE_NOT_AVAILABLE', sipStatus: 200 })
  }
  await office.expectNoLeak(t)
})

t.test('a call with the box itself can be held, resumed and ended from the page', async (t) => {
  const { office, said, phone } = await talkingOffice(t)
  const record = office.nextRecord()
  const call = await dial(phone, '*50*')
  await until('the code was read', () => said.length === 4)
  const held = await call.inDialog('INVITE', plainSdp(4000, { direction: 'sendonly', version: 2 }))
  t.equal(held.status, 200)
  t.match(held.body, /^a=(recvonly|inactive)\r$/m)
  t.equal((await call.inDialog('INVITE', plainSdp(4000, { version: 3 }))).status, 200)
  t.equal((await call.inDialog('REFER', undefined, ['Refer-To: <sip:x@y>'])).status, 405)
  t.equal(office.pbx.hangUp(office.pbx.liveCalls()[0]?.id ?? ''), true)
  phone.respond(await phone.request('BYE'), 200)
  t.match(await record, { cause: 'CALL_ENDED_BY_ADMIN' })
  await office.expectNoLeak(t)
})

t.test('a feature code without usable audio is refused', async (t) => {
  const { office, phone } = await talkingOffice(t)
  const record = office.nextRecord()
  const call = await phone.call('*50*', { sdp: plainSdp(4000, { codecs: ['9 G722/8000'] }) })
  t.equal((await call.answered()).status, 488)
  t.match(await record, { cause: 'CALL_NO_CODEC' })
  t.same(office.signIn.begun, [])
  await office.expectNoLeak(t)
})
