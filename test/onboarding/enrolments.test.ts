import t from 'tap'
import type { Random } from '#src/base/random.ts'
import { systemRandom } from '#src/base/random.ts'
import { codeLifeMs } from '#src/onboarding/enrolment-code.ts'
import type { Announcement } from '#src/onboarding/ports.ts'
import { addDevice, hourMs, register, someAccess, startOnboarding } from './onboarding-fixture.ts'

const lobby: Announcement = { mac: '001565000001', ipei: undefined, label: 'Lobby', location: 'Ground floor' }
const canteen: Announcement = {
  mac: '001565000002',
  ipei: undefined,
  label: 'Canteen',
  location: 'Second floor',
}
const ward: Announcement = { mac: undefined, ipei: '0358601234563', label: 'Ward 7', location: 'Hospital' }

t.test('an announced phone is enrolled by the code that was drawn for it', async (t) => {
  const { onboarding, store, clock, facts, logger } = await startOnboarding(t)
  addDevice(store, { id: 'd', mac: '001565000001', state: 'found', label: 'Yealink T46S (000001)' })
  const line = store.lines.find('l-d')!
  store.lines.setLabel('l-d', 'Yealink T46S (000001)')
  const [announced] = onboarding.announce([lobby], 'admin')
  t.match(announced, {
    state: 'waiting',
    device: { id: 'd', state: 'found' },
    enrolment: { mac: '001565000001', label: 'Lobby', location: 'Ground floor', usedAtMs: undefined },
  })
  const code = announced?.enrolment.code ?? ''
  t.match(code, /^[1-9]\d{7}$/)
  t.equal(announced?.enrolment.expiresAtMs, clock.nowMs() + codeLifeMs)

  const result = onboarding.enrol('l-d', code)
  t.match(result, { kind: 'enrolled', text: 'The device was enrolled as “Lobby”, Ground floor.' })
  t.match(store.devices.find('d'), { state: 'onboarded', label: 'Lobby', location: 'Ground floor' })
  t.equal(store.lines.find('l-d')?.label, 'Lobby', 'the phone shows its new name')
  t.match(onboarding.list(), [{ state: 'enrolled', enrolment: { deviceId: 'd', usedAtMs: clock.nowMs() } }])
  t.same(facts.slice(-2), [
    { name: 'deviceChanged', fact: { deviceId: 'd', change: 'enrolled' } },
    { name: 'enrolmentsChanged', fact: {} },
  ])
  t.match(
    store.audit.list({ limit: 9 }).map(({ actor, action, subject }) => [actor, action, subject]),
    [
      [`phone:${line.username}`, 'device.enrol', 'd'],
      ['admin', 'enrolment.announce', announced?.enrolment.id],
    ],
  )
  t.notMatch(JSON.stringify([store.audit.list({ limit: 9 }), logger.lines]), code, 'the code is in no log')
})

t.test('each refusal has its own sentence', async (t) => {
  const { onboarding, store, clock } = await startOnboarding(t)
  addDevice(store, { id: 'lobby', mac: '001565000001', state: 'found' })
  addDevice(store, { id: 'stranger', mac: '001565000009', state: 'found' })
  addDevice(store, { id: 'soft', label: 'Softphone' })
  const codes = onboarding.announce([lobby, canteen], 'admin').map(({ enrolment }) => enrolment.code)
  const [own = '', others = ''] = codes
  const wrong = '12345678' === own ? '12345679' : '12345678'
  const refused = (lineId: string, code: string): string => {
    const result = onboarding.enrol(lineId, code)
    return result.kind === 'refused' ? `${result.why}: ${result.text}` : result.kind
  }
  t.equal(
    refused('l-lobby', wrong),
    'wrong-code: No device has this code; it was dialled on the one with the address 00:15:65:00:00:01.',
  )
  t.equal(
    refused('l-lobby', others),
    'other-device: The code belongs to “Canteen” (00:15:65:00:00:02), not to the device with the address 00:15:65:00:00:01.',
  )
  t.match(refused('l-stranger', wrong), /^wrong-code: .* No device with this address is announced\.$/)
  t.equal(
    refused('l-soft', own),
    'no-address: “Softphone” has neither a MAC address nor an IPEI on this box, so no code can belong to it.',
  )
  t.equal(refused('none', own), 'no-address: The line was removed meanwhile.')
  clock.advance(codeLifeMs - 1)
  t.equal(refused('l-lobby', own), 'enrolled', 'good to the last moment')
  t.match(refused('l-lobby', own), /^used: The code was used already, on 2023-11-21; make a new one/)
  const { id = '' } = store.enrolments.findByMac('001565000001') ?? {}
  const again = onboarding.renewCode(id, 'admin')
  t.equal(again?.state, 'waiting')
  clock.advance(codeLifeMs)
  t.match(refused('l-lobby', again?.enrolment.code ?? ''), /^expired: The code expired on 2023-11-28/)
  t.match(
    store.devices.find('stranger'),
    { state: 'found', label: 'stranger' },
    'nothing happened to the others',
  )
  t.same(
    store.audit
      .list({ limit: 20 })
      .filter(({ action }) => action === 'device.enrol.refused')
      .map(({ subject, details }) => [subject, details.why]),
    [
      ['stranger', 'wrong-code'],
      ['lobby', 'other-device'],
      ['lobby', 'wrong-code'],
    ],
  )
})

t.test('a handset is enrolled by its IPEI, and keeps its extension', async (t) => {
  const { onboarding, store } = await startOnboarding(t)
  addDevice(store, { id: 'server', kind: 'dect-server', mac: '00087b000001' })
  addDevice(store, {
    id: 'h',
    kind: 'dect-handset',
    parentId: 'server',
    ipei: '0358601234563',
    label: 'Handset',
  })
  store.lines.setLabel('l-h', '107')
  const [announced] = onboarding.announce([ward], 'admin')
  t.equal(onboarding.enrol('l-h', announced?.enrolment.code ?? '').kind, 'enrolled')
  t.match(store.devices.find('h'), { label: 'Ward 7', location: 'Hospital', state: 'onboarded' })
  t.equal(store.lines.find('l-h')?.label, '107')
})

t.test('who is signed in stays so when the device is enrolled', async (t) => {
  const { onboarding, store } = await startOnboarding(t)
  addDevice(store, { id: 'd', mac: '001565000001' }, 'anna')
  const [announced] = onboarding.announce([lobby], 'admin')
  t.equal(onboarding.enrol('l-d', announced?.enrolment.code ?? '').kind, 'enrolled')
  t.match(store.devices.find('d'), { state: 'signed-in', label: 'Lobby' })
  t.equal(store.signIns.forLine('l-d')?.userId, 'anna')
})

t.test('guessing is hopeless: on one device, and with all of them', async (t) => {
  const { onboarding, store, clock } = await startOnboarding(t)
  addDevice(store, { id: 'd', mac: '001565000001' })
  const [announced] = onboarding.announce([lobby], 'admin')
  const code = announced?.enrolment.code ?? ''
  const wrong = code === '99999999' ? '99999998' : '99999999'
  const why = (lineId: string, dialled: string): string => {
    const result = onboarding.enrol(lineId, dialled)
    return result.kind === 'refused' ? result.why : result.kind
  }
  let looked = 0
  for (let second = 0; second < 7 * 24 * 3600; second += 5) {
    if (why('l-d', wrong) === 'wrong-code') looked++
    clock.advance(5_000)
  }
  t.ok(looked > 100 && looked < 200, `${looked} of 120,960 tries in a week were looked at`)

  const renewed = onboarding.renewCode(announced?.enrolment.id ?? '', 'admin')?.enrolment.code ?? ''
  clock.advance(hourMs)
  t.equal(why('l-d', renewed), 'enrolled', 'after an hour the right code works')

  for (let index = 0; index < 300; index++) {
    addDevice(store, { id: `many-${index}`, mac: `00156501${String(index).padStart(4, '0')}` })
  }
  let together = 0
  for (let index = 0; index < 300; index++) {
    for (let tries = 0; tries < 4; tries++) if (why(`l-many-${index}`, wrong) === 'wrong-code') together++
  }
  t.equal(together, 100, 'a hundred wrong codes an hour over the whole box')
  t.equal(why('l-d', renewed), 'too-many-tries')
  clock.advance(hourMs)
  t.equal(why('l-d', renewed), 'used', 'an hour later it is listened to again')
})

t.test('a right code in between makes nobody wait', async (t) => {
  const { onboarding, store } = await startOnboarding(t)
  addDevice(store, { id: 'd', mac: '001565000001' })
  const [announced] = onboarding.announce([lobby], 'admin')
  const { code = '', id = '' } = announced?.enrolment ?? {}
  const wrong = code === '99999999' ? '99999998' : '99999999'
  for (let round = 0; round < 3; round++) {
    for (let tries = 0; tries < 4; tries++) t.match(onboarding.enrol('l-d', wrong), { why: 'wrong-code' })
    const now = onboarding.renewCode(id, 'admin')?.enrolment.code ?? ''
    t.equal(onboarding.enrol('l-d', now).kind, 'enrolled')
  }
})

t.test('a list is announced as a whole or not at all', async (t) => {
  const { onboarding, store, facts } = await startOnboarding(t)
  onboarding.announce([lobby], 'admin')
  t.throws(() => onboarding.announce([canteen, { ...lobby, label: 'Again' }], 'admin'), {
    code: 'CONFLICT',
    message: '00:15:65:00:00:01 is announced already, as “Lobby”.',
    details: { index: 1 },
  })
  t.throws(() => onboarding.announce([canteen, ward, canteen], 'admin'), {
    code: 'CONFLICT',
    details: { index: 2 },
  })
  t.equal(store.enrolments.list().length, 1)
  t.equal(facts.length, 1)
  onboarding.announce([canteen, ward], 'admin')
  t.match(store.audit.list({ limit: 1 }), [
    { subject: '2 devices', details: { addresses: ['00:15:65:00:00:02', '03586 0123456 3'] } },
  ])
  t.equal(onboarding.remove(onboarding.list()[0]?.enrolment.id ?? '', 'admin'), true)
  t.equal(onboarding.remove('none', 'admin'), false)
  t.equal(onboarding.renewCode('none', 'admin'), undefined)
  t.equal(onboarding.list().length, 2)
})

t.test('codes are told apart, and none begins with 0', async (t) => {
  const drawn = ['00000001', '11111111', '11111111', '01111111', '22222222']
  const random: Random = { ...systemRandom, digits: () => drawn.shift() ?? '33333333' }
  const { onboarding } = await startOnboarding(t, { random })
  const codes = onboarding.announce([lobby, canteen], 'admin').map(({ enrolment }) => enrolment.code)
  t.same(codes, ['11111111', '22222222'])
})

t.test('off-boarded, reset and back again: a new code, a new place', async (t) => {
  const box = await startOnboarding(t)
  const { onboarding, store } = box
  addDevice(store, { id: 'd', mac: '001565000001' }, 'anna')
  store.deviceAccess.save(someAccess({ deviceId: 'd', token: 'before' }))
  const [announced] = onboarding.announce([lobby], 'admin')
  const { code = '', id = '' } = announced?.enrolment ?? {}
  onboarding.enrol('l-d', code)
  await register(box, 'd')
  onboarding.start()
  await box.run(31 * 24)
  t.equal(store.devices.find('d')?.state, 'off-boarded')
  t.equal(store.deviceAccess.findByToken('before'), undefined, 'what the phone still knows opens nothing')
  t.match(onboarding.enrol('l-d', code), { why: 'used' })

  // As provisioning does when the phone, reset, asks by its MAC: found once more, with another way to its files.
  store.devices.save({ ...store.devices.find('d')!, state: 'found' })
  store.deviceAccess.save(someAccess({ deviceId: 'd', token: 'after' }))
  await box.run(1)
  t.same(onboarding.offBoarded(), [], 'no longer among the off-boarded')
  const renewed = onboarding.renewCode(id, 'admin')
  t.match(renewed, { state: 'waiting', device: { state: 'found' } })
  t.equal(onboarding.enrol('l-d', renewed?.enrolment.code ?? '').kind, 'enrolled')
  t.match(store.devices.find('d'), { state: 'onboarded', label: 'Lobby' })
  t.equal(store.signIns.forLine('l-d'), undefined, 'whoever was signed in before has to sign in again')
  await register(box, 'd')
  await box.run(13 * 24)
  t.equal(store.devices.find('d')?.state, 'onboarded', 'its time began anew')
})

t.test('when the disk fails between device and line, dialling again names both', async (t) => {
  const { onboarding, store } = await startOnboarding(t)
  addDevice(store, { id: 'd', label: 'T46S', mac: '001565000001', state: 'found' })
  store.lines.setLabel('l-d', 'T46S')
  const [announced] = onboarding.announce([lobby], 'admin')
  const save = store.devices.save.bind(store.devices)
  const setLabel = store.lines.setLabel.bind(store.lines)
  const code = announced?.enrolment.code ?? ''
  for (const broken of ['save', 'setLabel']) {
    const fail = (): never => {
      throw new Error('disk full')
    }
    if (broken === 'save') store.devices.save = fail
    else store.lines.setLabel = fail
    t.throws(() => onboarding.enrol('l-d', code), { message: 'disk full' }, broken)
    store.devices.save = save
    store.lines.setLabel = setLabel
    if (broken === 'save') setLabel('l-d', 'T46S')
  }
  t.equal(onboarding.enrol('l-d', code).kind, 'enrolled')
  t.match(store.devices.find('d'), { label: lobby.label, state: 'onboarded' })
  t.equal(store.lines.find('l-d')?.label, lobby.label)
})

t.test('a database that refuses leaves the code as it was', async (t) => {
  const { onboarding, store } = await startOnboarding(t)
  addDevice(store, { id: 'd', mac: '001565000001', state: 'found' })
  const [announced] = onboarding.announce([lobby], 'admin')
  const saveAll = store.enrolments.saveAll.bind(store.enrolments)
  store.enrolments.saveAll = () => {
    throw new Error('disk full')
  }
  t.throws(() => onboarding.enrol('l-d', announced?.enrolment.code ?? ''), { message: 'disk full' })
  store.enrolments.saveAll = saveAll
  t.equal(
    onboarding.enrol('l-d', announced?.enrolment.code ?? '').kind,
    'enrolled',
    'dialling again mends it',
  )
})
