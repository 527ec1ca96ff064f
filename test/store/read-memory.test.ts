import t from 'tap'
import { ReadMemory } from '#src/store/read-memory.ts'
import { openTestStore, someDevice, someLine, someUser } from './store-fixture.ts'

t.test('a question is asked once until something changes', async (t) => {
  const memory = new ReadMemory()
  const asked: string[] = []
  const answer = memory.remember((key) => {
    asked.push(key)
    return key === 'nobody' ? undefined : { key }
  })
  t.same(
    [answer('a'), answer('a'), answer('nobody'), answer('nobody')],
    [{ key: 'a' }, { key: 'a' }, undefined, undefined],
  )
  t.same(asked, ['a', 'nobody'])
  t.throws(() => {
    ;(answer('a') as { key: string }).key = 'b'
  }, 'answers are shared, so they cannot be changed')
  t.throws(() =>
    memory.changing(() => {
      throw new Error('failed')
    }),
  )
  answer('a')
  t.same(asked, ['a', 'nobody', 'a'], 'also a change that failed makes it ask again')
})

t.test('the memory is bounded', async (t) => {
  const memory = new ReadMemory()
  let asked = 0
  const answer = memory.remember(() => ++asked)
  for (let number = 0; number < 10_000; number++) answer(String(number))
  t.equal(asked, 10_000)
  answer('0')
  t.equal(asked, 10_001, 'the first was forgotten')
})

t.test('every way in which users, sign-ins, policies and devices change is seen at once', async (t) => {
  const store = openTestStore(t)
  const facts = () => ({
    byNumber: store.users.findByNumber('+491')?.displayName,
    user: store.users.find('u1')?.displayName,
    signIn: store.signIns.forLine('l1')?.userId,
    ofUser: store.signIns.forUser('u1').length,
    mayCall: store.callingPolicies.forUser('u1').busyOnBusy,
    device: store.devices.find('d1')?.state,
    label: store.devices.find('d1')?.label,
  })
  const nothing = facts()
  const pair = (): void => {
    store.devices.save(someDevice({ id: 'd1', label: 'Hall' }))
    facts()
    store.lines.add(someLine({ id: 'l1', deviceId: 'd1', username: 'hall' }), 'secret')
    store.signIns.save(
      { lineId: 'l1', userId: 'u1', signedInAtMs: 1, verifiedAtMs: 1 },
      someUser({ id: 'u1', number: '+491', displayName: 'Ann' }),
      '{}',
    )
  }
  pair()
  t.match(facts(), {
    byNumber: 'Ann',
    user: 'Ann',
    signIn: 'u1',
    ofUser: 1,
    device: 'signed-in',
    label: 'Hall',
  })
  store.users.save(someUser({ id: 'u1', number: '+491', displayName: 'Anna' }))
  store.callingPolicies.save({ ...store.callingPolicies.forUser('u1'), scope: 'u1', busyOnBusy: true })
  t.match(facts(), { byNumber: 'Anna', user: 'Anna', mayCall: true })
  store.callingPolicies.save({ ...store.callingPolicies.forUser('u1'), scope: 'u1', busyOnBusy: false })
  t.equal(facts().mayCall, false)

  store.signIns.remove('l1')
  t.match(facts(), { signIn: undefined, ofUser: 0, device: 'signed-out' })
  store.lines.remove('l1')
  pair()
  store.users.remove('u1')
  t.match(facts(), {
    byNumber: undefined,
    user: undefined,
    signIn: undefined,
    ofUser: 0,
    device: 'signed-out',
  })
  store.lines.remove('l1')
  pair()
  store.lines.remove('l1')
  t.match(facts(), { signIn: undefined, ofUser: 0, device: 'signed-out' })
  pair()
  store.devices.remove('d1')
  store.users.remove('u1')
  t.same(facts(), nothing)
})
