import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import type { Verification } from '#src/microsoft/tenant-client.ts'
import type { TenantPort } from '#src/signin/ports.ts'
import { SignInService } from '#src/signin/sign-in.ts'
import { openTestStore, someDevice, someLine, someUser } from '#test/store/store-fixture.ts'
import type { Testing } from '#test/lab/lab-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { lineId, startBox, type Box } from './sign-in-fixture.ts'

const hourMs = 3_600_000

async function signedInBox(t: Testing): Promise<Box> {
  const box = await startBox(t)
  await box.signIn('anna')
  box.heard.length = 0
  return box
}

void t.test('an hour later the tenant confirms, and the tokens are new', async (t) => {
  const { store, clock, service } = await signedInBox(t)
  const before = store.signIns.forLine(lineId)
  const tokens = store.signIns.tokenCache(lineId)
  t.same(await service.verifyAll(), { confirmed: 0, signedOut: 0, left: 1 }, 'not due yet')
  clock.aheadMs += hourMs
  t.same(await service.verifyAll(), { confirmed: 1, signedOut: 0, left: 0 })
  const after = store.signIns.forLine(lineId)
  t.equal(after?.signedInAtMs, before?.signedInAtMs)
  t.ok((after?.verifiedAtMs ?? 0) >= (before?.verifiedAtMs ?? 0) + hourMs)
  t.not(store.signIns.tokenCache(lineId), tokens)
  t.same(await service.verifyAll(), { confirmed: 0, signedOut: 0, left: 1 }, 'at most hourly')
})

void t.test('while the tenant is away every sign-in stays, for weeks', async (t) => {
  const { lab, store, clock, service, heard, logger, signIn } = await signedInBox(t)
  await signIn('ben', 'l2')
  heard.length = 0
  const before = store.signIns.list()
  await lab.stop()
  for (const days of [0.1, 1, 89, 200]) {
    clock.aheadMs += days * 24 * hourMs
    t.same(await service.verifyAll(), { confirmed: 0, signedOut: 0, left: 2 }, `after ${days} more days`)
  }
  t.same(store.signIns.list(), before)
  t.same(heard, [])
  t.ok(logger.lines.some((line) => line.text.includes('all sign-ins stay valid')))
})

void t.test('a definite answer ends the sign-in, and says why', async (t) => {
  const cases: [string, object, string, RegExp][] = [
    ['disabled', { enabled: false }, 'SIGN_IN_FAILED', /disabled/],
    ['licence gone', { licensed: false }, 'SIGN_IN_NO_LICENCE', /licence/],
    ['number gone', { numberAssigned: false }, 'SIGN_IN_NO_NUMBER', /number/],
  ]
  for (const [name, change, code, text] of cases) {
    await t.test(name, async (t) => {
      const { lab, store, clock, service, heard } = await signedInBox(t)
      await lab.send('PUT', '/lab/accounts/anna', change)
      clock.aheadMs += hourMs
      t.same(await service.verifyAll(), { confirmed: 0, signedOut: 1, left: 0 })
      t.same(store.signIns.list(), [])
      t.match(service.status(lineId), { state: 'failed', code, text })
      t.match(heard, [{ name: 'signedOut', fact: { lineId } }])
      t.match(store.audit.list({ limit: 1 }), [
        { actor: 'system', action: 'line.signOut', details: { code } },
      ])
    })
  }
  t.equal(cases.length, 3)
})

void t.test('a policy that was switched off counts at once, tenant or not', async (t) => {
  const { lab, store, service } = await signedInBox(t)
  await lab.stop()
  store.callingPolicies.save({
    ...store.callingPolicies.forUser('x'),
    scope: 'Global',
    allowSipDevicesCalling: false,
  })
  t.same(await service.verifyAll(), { confirmed: 0, signedOut: 1, left: 0 })
  t.match(service.status(lineId), { code: 'SIGN_IN_NOT_ALLOWED', text: /Anna Albrecht is not allowed/ })
})

/** A service on a fake clock whose tenant answers what the test says. */
function startWith(t: Testing, verify: TenantPort['verify']) {
  const clock = new FakeClock()
  const store = openTestStore(t)
  store.devices.save(someDevice())
  store.callingPolicies.save({
    ...store.callingPolicies.forUser('x'),
    scope: 'Global',
    allowSipDevicesCalling: true,
  })
  for (const id of ['l1', 'l2']) {
    store.lines.add(someLine({ id, username: id }), 'secret')
    const nowMs = clock.nowMs()
    store.signIns.save(
      { lineId: id, userId: 'u1', signedInAtMs: nowMs, verifiedAtMs: nowMs },
      someUser(),
      'old',
    )
  }
  const tenant: TenantPort = {
    tenantId: 't1',
    signIn: () => Promise.reject(new Error('nobody signs in here')),
    verify,
  }
  const service = new SignInService({ store, tenant, clock, logger: new MemoryLogger() })
  t.teardown(() => service.stop())
  return { clock, store, service }
}

function unknown(code: 'TENANT_UNREACHABLE' | 'SIGN_IN_FAILED', tokenCache?: string): Verification {
  return { kind: 'unknown', error: new ApplianceError(code), tokenCache }
}

void t.test(
  'the loop asks about each line once an hour, and about one only while nobody answers',
  async (t) => {
    const asked: number[] = []
    let answer: Verification = { kind: 'confirmed', person: someUser(), tokenCache: 'new' }
    const { clock, store, service } = startWith(t, async () => {
      asked.push(clock.nowMs())
      return answer
    })
    service.startVerifying(1000)
    await clock.run(hourMs - 1, 60_000)
    t.equal(asked.length, 0)
    await clock.run(2 * hourMs, 60_000)
    t.equal(asked.length, 4, 'two lines, two hours')
    answer = unknown('TENANT_UNREACHABLE')
    await clock.run(hourMs, 60_000)
    const [third, fourth] = asked.slice(4)
    t.equal((fourth ?? 0) - (third ?? 0), 300_000, 'the second line waits for the next round')
    t.equal(asked.length, 6)
    t.equal(store.signIns.list().length, 2)
    await service.stop()
    t.equal(clock.pending, 0)
  },
)

void t.test('a stale token is no reason to sign out, and a rotated one is kept', async (t) => {
  const { clock, store, service } = startWith(t, async () => unknown('SIGN_IN_FAILED', 'rotated'))
  const verifiedAtMs = clock.nowMs()
  clock.advance(hourMs)
  t.same(await service.verifyAll(), { confirmed: 0, signedOut: 0, left: 2 })
  t.equal(store.signIns.tokenCache('l1'), 'rotated')
  t.equal(store.signIns.forLine('l1')?.verifiedAtMs, verifiedAtMs)
})

void t.test('who signs out while the tenant thinks stays signed out', async (t) => {
  const { promise, resolve } = Promise.withResolvers<Verification>()
  const { clock, store, service } = startWith(t, () => promise)
  clock.advance(hourMs)
  const round = service.verifyAll()
  await service.signOut('l1', 'admin')
  resolve({ kind: 'confirmed', person: someUser(), tokenCache: 'new' })
  t.same(await round, { confirmed: 1, signedOut: 0, left: 1 })
  t.equal(store.signIns.forLine('l1'), undefined)
  t.equal(store.signIns.tokenCache('l2'), 'new')
})

void t.test('people of another tenant are signed out', async (t) => {
  const { store, service } = startWith(t, async () => unknown('SIGN_IN_FAILED'))
  store.users.save(someUser({ tenantId: 'the-lab' }))
  t.same(await service.verifyAll(), { confirmed: 0, signedOut: 2, left: 0 })
})
