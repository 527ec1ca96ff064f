import t from 'tap'
import { openTestStore, someBinding, someDevice, someLine, temporaryDirectory } from './store-fixture.ts'

t.test('best q first, then the latest; expired ones are not shown', async (t) => {
  const store = openTestStore(t)
  await store.bindings.change('line1', 0, () => [
    someBinding({ contactUri: 'sip:low@h', qThousandths: 100, registeredAtMs: 9 }),
    someBinding({ contactUri: 'sip:old@h', registeredAtMs: 1 }),
    someBinding({ contactUri: 'sip:new@h', registeredAtMs: 2 }),
    someBinding({ contactUri: 'sip:gone@h', expiresAtMs: 50 }),
  ])
  const uris = (nowMs: number) => store.bindings.find('line1', nowMs).map((binding) => binding.contactUri)
  t.strictSame(uris(50), ['sip:new@h', 'sip:old@h', 'sip:low@h'], 'expired at its very millisecond')
  t.equal(uris(49).includes('sip:gone@h'), true)
  t.strictSame(uris(10_000), [])
  t.equal(store.bindings.all(50).length, 3)
  t.strictSame(store.bindings.find('nobody', 0), [])
})

t.test('expire drops and reports what is over, everywhere', async (t) => {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  await store.bindings.change('line1', 0, () => [
    someBinding({ contactUri: 'sip:a@h', expiresAtMs: 100 }),
    someBinding({ contactUri: 'sip:b@h', expiresAtMs: 200 }),
  ])
  await store.bindings.change('line2', 0, () => [someBinding({ aor: 'line2', expiresAtMs: 100 })])
  t.strictSame(await store.bindings.expire(99), [])
  const dropped = await store.bindings.expire(100)
  t.strictSame(dropped.map((binding) => `${binding.aor} ${binding.contactUri}`).sort(), [
    'line1 sip:a@h',
    'line2 sip:line1@192.0.2.1:5060',
  ])
  t.strictSame(await store.bindings.expire(100), [], 'once')
  await store.close()
  const again = openTestStore(t, { dataDir })
  t.strictSame(
    again.bindings.all(0).map((binding) => binding.contactUri),
    ['sip:b@h'],
  )
})

t.test('an expiry that meets a refresh in the same batch keeps the refreshed contact', async (t) => {
  const store = openTestStore(t)
  await store.bindings.change('line1', 0, () => [someBinding({ expiresAtMs: 100 })])
  const refreshed = store.bindings.change('line1', 99, (current) =>
    current.map((binding) => ({ ...binding, expiresAtMs: 500 })),
  )
  const expired = store.bindings.expire(150)
  await refreshed
  t.strictSame(await expired, [])
  t.equal(store.bindings.find('line1', 150).length, 1)
})

t.test('what callers get cannot change what is stored', async (t) => {
  const store = openTestStore(t)
  const mine = someBinding()
  const stored = await store.bindings.change('line1', 0, () => [mine])
  mine.contactUri = 'sip:evil@h'
  stored.length = 0
  const [found] = store.bindings.find('line1', 0)
  t.equal(found?.contactUri, 'sip:line1@192.0.2.1:5060')
  t.throws(() => {
    if (found) found.flow.host = 'elsewhere'
  }, TypeError)
})

t.test('bindings go with their line and device, also those that still wait to be written', async (t) => {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  store.devices.save(someDevice())
  store.lines.add(someLine(), 'a')
  store.lines.add(someLine({ id: 'l2', username: 'line2' }), 'b')
  await store.bindings.change('line1', 0, () => [someBinding()])
  const waiting = store.bindings.change('line2', 0, () => [someBinding({ aor: 'line2' })])
  store.lines.remove('l1')
  await waiting
  t.strictSame(
    store.bindings.all(0).map((binding) => binding.aor),
    ['line2'],
  )
  const late = store.bindings.change('line2', 0, (current) => current)
  store.devices.remove('d1')
  await late
  t.strictSame(store.bindings.all(0), [])
  t.equal(store.lines.secrets('line2'), undefined)
  await store.close()
  t.strictSame(openTestStore(t, { dataDir }).bindings.all(0), [])
})
