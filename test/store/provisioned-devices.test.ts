import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { DeviceAccess } from '#src/model/device-access.ts'
import type { Enrolment } from '#src/model/enrolment.ts'
import { openTestStore, someBinding, someDevice, someLine, temporaryDirectory } from './store-fixture.ts'

const access: DeviceAccess = {
  deviceId: 'd1',
  token: 'a-token-that-nobody-guesses',
  adminPassword: 'phone-page-password',
  handedOverAtMs: undefined,
  handedOverTo: undefined,
  fetchedAtMs: undefined,
}

function enrolment(change: Partial<Enrolment> = {}): Enrolment {
  return {
    id: 'e1',
    code: '83726154',
    mac: '001565aabbcc',
    ipei: undefined,
    label: 'Lobby',
    location: 'Ground floor',
    createdAtMs: 1,
    expiresAtMs: 2,
    usedAtMs: undefined,
    deviceId: undefined,
    ...change,
  }
}

t.test('a token is found again by itself, sealed on disk, and gone with its device', async (t) => {
  const dataDir = temporaryDirectory(t)
  const store = openTestStore(t, { dataDir })
  store.devices.save(someDevice())
  store.deviceAccess.save(access)
  t.strictSame(store.deviceAccess.findByToken(access.token), access)
  t.equal(store.deviceAccess.findByToken('another'), undefined)
  store.deviceAccess.save({ ...access, handedOverAtMs: 5, handedOverTo: '192.0.2.7' })
  store.deviceAccess.noteFetched('d1', 9)
  t.match(store.deviceAccess.find('d1'), { handedOverAtMs: 5, handedOverTo: '192.0.2.7', fetchedAtMs: 9 })
  const files = ['branchline.db', 'branchline.db-wal'].map((name) => readFileSync(join(dataDir, name)))
  for (const secret of [access.token, access.adminPassword]) {
    t.notOk(
      files.some((bytes) => bytes.includes(secret)),
      'nothing readable stands in the files',
    )
  }
  store.devices.remove('d1')
  t.equal(store.deviceAccess.find('d1'), undefined)
})

t.test('handsets stand behind their server and go with it', async (t) => {
  const store = openTestStore(t)
  store.devices.save(someDevice({ kind: 'dect-server', vendor: 'Spectralink', model: 'IP-DECT Server 400' }))
  for (const index of [1, 2]) {
    const id = `h${index}`
    store.devices.save(
      someDevice({ id, kind: 'dect-handset', mac: undefined, ipei: `000370000000${index}`, parentId: 'd1' }),
    )
    store.lines.add(someLine({ id: `l${index}`, deviceId: id, username: `handset${index}` }), 'secret')
    await store.bindings.change(`handset${index}`, 0, () => [someBinding({ aor: `handset${index}` })])
  }
  t.equal(store.devices.findByIpei('0003700000002')?.id, 'h2')
  t.strictSame(
    store.devices.listChildren('d1').map(({ id }) => id),
    ['h1', 'h2'],
  )
  store.devices.remove('h1')
  t.equal(store.bindings.find('handset2', 0).length, 1, 'the other handset is unharmed')
  store.devices.remove('d1')
  t.equal(store.devices.list().length, 0)
  t.equal(store.lines.list().length, 0)
  t.equal(store.bindings.all(0).length, 0)
})

t.test('enrolments are saved together or not at all, one per address', async (t) => {
  const store = openTestStore(t)
  store.enrolments.saveAll([enrolment(), enrolment({ id: 'e2', mac: undefined, ipei: '0003700000001' })])
  t.strictSame(store.enrolments.findByMac('001565aabbcc'), enrolment())
  t.equal(store.enrolments.findByIpei('0003700000001')?.id, 'e2')
  store.enrolments.saveAll([enrolment({ id: 'e3', code: '11112222' })])
  t.equal(
    store.enrolments.find('e1'),
    undefined,
    'a second one for the same MAC takes the place of the first',
  )
  const both = { id: 'e5', mac: '001565aabbdd', ipei: '0003700000009' }
  t.throws(() => store.enrolments.saveAll([enrolment({ id: 'e4', mac: '001565aabbcd' }), enrolment(both)]), {
    code: 'STORE_FAILED',
  })
  t.equal(store.enrolments.find('e4'), undefined)
  store.devices.save(someDevice())
  store.enrolments.saveAll([enrolment({ id: 'e3', usedAtMs: 7, deviceId: 'd1' })])
  store.devices.remove('d1')
  t.match(store.enrolments.find('e3'), { usedAtMs: 7, deviceId: undefined })
  store.enrolments.remove('e3')
  t.equal(store.enrolments.list().length, 1)
})
