import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createSignIn } from '#src/signin/create-sign-in.ts'
import { openTestStore, someDevice, someLine, temporaryDirectory } from '#test/store/store-fixture.ts'
import { startTestLab } from '#test/lab/lab-fixture.ts'
import { until } from '#test/support/until.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { lineId, startBox } from './sign-in-fixture.ts'

void t.test('after the code was entered the line belongs to the person', async (t) => {
  const { lab, store, service, heard, over } = await startBox(t)
  const pending = await service.begin(lineId, 'phone:line1')
  t.match(pending, { userCode: /^[A-Z0-9]{9}$/, verificationUri: `${lab.pageUrl}devicelogin` })
  t.match(service.status(lineId), { state: 'awaitingUser', ...pending })
  await lab.decide(pending.userCode, 'approve', 'anna')
  await over()
  const signIn = store.signIns.forLine(lineId)
  const user = store.users.findByNumber('+493055501001')
  t.match(user, { displayName: 'Anna Albrecht', licensed: true, lab: true })
  t.equal(signIn?.userId, user?.id)
  t.same(service.status(lineId), { state: 'signedIn', userId: user?.id })
  t.same(heard, [{ name: 'signedIn', fact: { signIn, user } }])
  t.match(store.audit.list({ limit: 1 }), [
    { actor: 'phone:line1', action: 'line.signIn', subject: lineId, details: { userId: user?.id } },
  ])
  t.equal(store.devices.find('d1')?.state, 'signed-in')
  t.match(store.signIns.tokenCache(lineId), /"RefreshToken"/)
})

void t.test('the tokens lie sealed on the disk', async (t) => {
  const dataDir = temporaryDirectory(t)
  const lab = await startTestLab(t, { codeIntervalMs: 20 })
  const store = openTestStore(t, { dataDir, clock: systemClock })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'secret')
  store.callingPolicies.save({
    ...store.callingPolicies.forUser('x'),
    scope: 'Global',
    allowSipDevicesCalling: true,
  })
  const logger = new MemoryLogger()
  const service = createSignIn({
    ...{ store, logger, tenant: lab.endpoints, clock: systemClock, random: systemRandom },
  })
  t.teardown(() => service.stop())
  const { userCode } = await service.begin(lineId, 'admin')
  await lab.decide(userCode, 'approve', 'ben')
  await until(() => service.status(lineId)?.state === 'signedIn')
  const refreshToken = /"secret":"(lab\.[^"]+)"/.exec(store.signIns.tokenCache(lineId) ?? '')?.[1]
  if (refreshToken === undefined) throw new Error('no refresh token in the cache')
  const files = await readdir(dataDir, { recursive: true, withFileTypes: true })
  let looked = 0
  for (const file of files.filter((one) => one.isFile())) {
    const text = await readFile(join(file.parentPath, file.name), 'latin1')
    t.notOk(text.includes(refreshToken.slice(0, 40)), file.name)
    looked++
  }
  t.ok(looked >= 1)
  t.notMatch(JSON.stringify(logger.lines), refreshToken.slice(0, 40), 'nor in the log')
  t.ok(logger.lines.every((line) => line.fields.lab === true))
})

void t.test('who begins again joins the flow that waits', async (t) => {
  const { service, signIn } = await startBox(t)
  const [first, second] = await Promise.all([service.begin(lineId, 'a'), service.begin(lineId, 'b')])
  t.same(first, second)
  t.same(await service.begin(lineId, 'c'), first)
  t.not((await service.begin('l2', 'a')).userCode, first.userCode, 'another line has a flow of its own')
  service.cancel(lineId)
  t.equal(service.status(lineId), undefined)
  t.not((await service.begin(lineId, 'd')).userCode, first.userCode)
  await signIn('anna')
  t.equal(service.status(lineId)?.state, 'signedIn')
})

void t.test(
  'policy, licence and number are asked for in this order, and each refusal is a sentence',
  async (t) => {
    const { store, service, heard, signIn, lab } = await startBox(t)
    const setPolicy = (scope: string, allow: boolean): void =>
      store.callingPolicies.save({
        ...store.callingPolicies.forUser('x'),
        scope,
        allowSipDevicesCalling: allow,
      })
    const cases: [string, string, RegExp][] = [
      ['lena', 'SIGN_IN_NO_LICENCE', /^Lena Lorenz has no Teams Phone licence\.$/],
      ['otto', 'SIGN_IN_NO_NUMBER', /^Otto Ohlsen has no phone number in Teams\.$/],
      ['nora', 'SIGN_IN_NOT_ALLOWED', /^Nora Neumann is not allowed to call from SIP phones\./],
    ]
    setPolicy('1ab00000-0000-4000-8000-000000000004', false)
    for (const [person, code, text] of cases) {
      await signIn(person)
      t.match(service.status(lineId), { state: 'failed', code, text })
      t.match(heard.at(-1), { name: 'signInFailed', fact: { lineId, code, text } })
      t.ok(
        store.users.list().some((user) => user.upn === `${person}@lab.branchline.example`),
        'the admin finds the person',
      )
    }
    t.equal(cases.length, 3)
    await lab.send('PUT', '/lab/accounts/lena', { numberAssigned: false })
    await signIn('lena')
    t.match(service.status(lineId), { code: 'SIGN_IN_NO_LICENCE' }, 'licence before number')
    setPolicy('Global', false)
    await signIn('lena')
    t.match(service.status(lineId), { code: 'SIGN_IN_NOT_ALLOWED' }, 'policy before licence')
    t.same(store.signIns.list(), [])
  },
)

void t.test('declined, expired, and cancelled flows leave the line as it was', async (t) => {
  const { lab, store, service, over } = await startBox(t, { codeLifetimeMs: 1500 })
  const declined = await service.begin(lineId, 'admin')
  await lab.decide(declined.userCode, 'decline')
  await over()
  t.match(service.status(lineId), { state: 'failed', code: 'SIGN_IN_FAILED', text: /declined/ })
  await service.begin(lineId, 'admin')
  await over()
  t.match(service.status(lineId), { state: 'failed', text: /not entered in time.*new code/ })
  const cancelled = await service.begin(lineId, 'admin')
  service.cancel(lineId)
  await lab.decide(cancelled.userCode, 'approve', 'anna')
  t.equal(service.status(lineId), undefined)
  await service.stop()
  t.same(store.signIns.list(), [])
})

void t.test('without a tenant, without a line, with a dead tenant', async (t) => {
  const { lab, store, service, logger, heard } = await startBox(t)
  await t.rejects(service.begin('nowhere', 'admin'), { code: 'NOT_FOUND' })
  const alone = createSignIn({
    ...{ store, logger, tenant: undefined, clock: systemClock, random: systemRandom },
  })
  t.teardown(() => alone.stop())
  await t.rejects(alone.begin(lineId, 'admin'), {
    code: 'TENANT_UNREACHABLE',
    message: /No tenant is set up/,
  })
  await lab.stop()
  await t.rejects(service.begin(lineId, 'admin'), { code: 'TENANT_UNREACHABLE' })
  t.match(service.status(lineId), { state: 'failed', code: 'TENANT_UNREACHABLE' })
  t.match(heard, [{ name: 'signInFailed' }])
})

void t.test('a line that was removed meanwhile gets no owner', async (t) => {
  const { lab, store, service, over } = await startBox(t)
  const { userCode } = await service.begin(lineId, 'admin')
  store.lines.remove(lineId)
  await lab.decide(userCode, 'approve', 'anna')
  await over()
  t.match(service.status(lineId), { state: 'failed', code: 'NOT_FOUND', text: /removed/ })
  t.same(store.signIns.list(), [])
})

void t.test('a device that was off-boarded meanwhile stays off-boarded', async (t) => {
  const { lab, store, service, over } = await startBox(t)
  const { userCode } = await service.begin(lineId, 'admin')
  const device = store.devices.find(store.lines.find(lineId)?.deviceId ?? '')
  if (!device) throw new Error('the line has a device')
  store.devices.save({ ...device, state: 'off-boarded' })
  await lab.decide(userCode, 'approve', 'anna')
  await over()
  t.match(service.status(lineId), { state: 'failed', code: 'CONFLICT', text: /off-boarded/ })
  t.same(store.signIns.list(), [])
  t.equal(store.devices.find(device.id)?.state, 'off-boarded')
})

void t.test('sign-out forgets pairing and tokens, and the next person may come', async (t) => {
  const { store, service, heard, signIn } = await startBox(t)
  t.equal(await service.signOut(lineId, 'admin'), false, 'nobody was signed in')
  await signIn('anna')
  await signIn('ben')
  const [anna, ben] = ['anna', 'ben'].map((key) =>
    store.users.list().find((user) => user.upn.startsWith(`${key}@`)),
  )
  t.same(
    heard.map(({ name }) => name),
    ['signedIn', 'signedOut', 'signedIn'],
    'Ben takes the line over',
  )
  t.match(heard[1], { fact: { lineId, userId: anna?.id } })
  t.equal(await service.signOut(lineId, 'phone:line1'), true)
  t.match(heard.at(-1), { name: 'signedOut', fact: { lineId, userId: ben?.id } })
  t.equal(store.signIns.forLine(lineId), undefined)
  t.equal(store.signIns.tokenCache(lineId), undefined)
  t.equal(service.status(lineId), undefined)
  t.match(store.audit.list({ limit: 1 }), [{ actor: 'phone:line1', action: 'line.signOut' }])
})
