import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { findHost } from '#src/host/requests/host-control.ts'
import { RequestFolder } from '#src/host/requests/request-folder.ts'
import { FakeHost } from '#test/console/fake-host.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const logger = silentLogger

function start(t: Test) {
  const folder = t.testdir()
  const host = new FakeHost(folder)
  t.teardown(() => host.stop())
  return { folder, host, requests: new RequestFolder({ folder, clock: systemClock, logger }) }
}

/** A folder whose other side the test plays by hand, on a clock that stands still. */
function startSilent(t: Test) {
  const folder = t.testdir()
  const clock = new FakeClock()
  const requests = new RequestFolder({ folder, clock, logger })
  const request = (name: string): string => join(folder, `${name}.json`)
  const result = (name: string): string => join(folder, `${name}.result.json`)
  return { folder, clock, requests, request, result }
}

t.test('a request appears whole, its answer is taken, nothing is left behind', async (t) => {
  const { folder, host, requests } = start(t)
  await requests.ask('reboot', { reason: 'a test' })
  t.strictSame(host.asked, [{ name: 'reboot', request: { reason: 'a test' } }])
  t.strictSame(readdirSync(folder), [])
})

t.test('the host’s refusal is passed on in its own words', async (t) => {
  const { host, requests } = start(t)
  host.answers.set('time', { error: 'This time zone is not known to the machine.' })
  await t.rejects(requests.ask('time', { timeZone: 'Mars/Base' }), {
    code: 'HOST_FAILED',
    message: 'This time zone is not known to the machine.',
    details: { untouched: true },
  })
})

t.test('requests of one name go one after the other, others beside them', async (t) => {
  const { host, requests } = start(t)
  await Promise.all([
    requests.ask('network', { mode: 'dhcp', vlan: 1 }),
    requests.ask('network', { mode: 'dhcp', vlan: 2 }),
    requests.ask('time', { timeZone: 'UTC' }),
  ])
  t.strictSame(
    host.of('network').map(({ vlan }) => vlan),
    [1, 2],
  )
  t.equal(host.of('time').length, 1)
})

t.test('nobody takes it: given up after 15 s, and not done later', async (t) => {
  const { requests, request, clock } = startSilent(t)
  const asked = requests.ask('reboot', { reason: 'a test' })
  const failed = t.rejects(asked, {
    code: 'HOST_FAILED',
    message: /did not take the request within 15 seconds/,
    details: { untouched: true },
  })
  await clock.run(14_750, 250)
  t.ok(existsSync(request('reboot')))
  await clock.run(1_000, 250)
  await failed
  t.notOk(existsSync(request('reboot')))
})

t.test('taken and never answered: nobody knows how the machine is', async (t) => {
  const { requests, request, clock } = startSilent(t)
  const asked = requests.ask('network', { mode: 'dhcp' })
  const failed = t.rejects(asked, {
    message: /did not answer within 30 seconds/,
    details: { untouched: false },
  })
  await clock.run(250)
  rmSync(request('network'))
  await clock.run(30_000, 250)
  await failed
})

t.test('an answer that came too late is not taken for the next one’s', async (t) => {
  const { requests, result, clock } = startSilent(t)
  writeFileSync(result('time'), '{"ok":true}')
  let done = false
  const asked = requests.ask('time', { timeZone: 'UTC' }).then(() => (done = true))
  await clock.run(1_000, 250)
  t.notOk(done)
  writeFileSync(result('time'), '{"ok":true}')
  await clock.run(1_000, 250)
  await asked
})

t.test('answers that cannot be read are refusals', async (t) => {
  const answers = [
    '',
    '{',
    'null',
    '[]',
    '{"ok":"yes"}',
    '{"ok":false}',
    '{"ok":false,"error":7}',
    'x'.repeat(9_999),
  ]
  for (const answer of answers) {
    const { requests, result, clock } = startSilent(t)
    const asked = requests.ask('time', { timeZone: 'UTC' })
    const failed = t.rejects(asked, { code: 'HOST_FAILED', message: /cannot be read/ }, answer.slice(0, 20))
    await clock.run(250)
    writeFileSync(result('time'), answer)
    await clock.run(500, 250)
    await failed
  }
})

t.test('a link or a folder in place of the answer is not followed', async (t) => {
  const { requests, result, clock, folder } = startSilent(t)
  writeFileSync(join(folder, 'elsewhere'), '{"ok":true}')
  const asked = requests.ask('time', { timeZone: 'UTC' })
  const failed = t.rejects(asked, { code: 'HOST_FAILED' })
  await clock.run(250)
  symlinkSync(join(folder, 'elsewhere'), result('time'))
  await clock.run(500, 250)
  await failed
  const again = startSilent(t)
  const second = again.requests.ask('time', { timeZone: 'UTC' })
  const refused = t.rejects(second, { code: 'HOST_FAILED' })
  await again.clock.run(250)
  mkdirSync(again.result('time'))
  await again.clock.run(500, 250)
  await refused
})

t.test('a folder that is gone is a sentence, not a crash', async (t) => {
  const { requests, folder } = startSilent(t)
  rmSync(folder, { recursive: true })
  await t.rejects(requests.ask('reboot', { reason: '' }), {
    code: 'HOST_FAILED',
    message: /could not be written/,
  })
})

t.test('whoever stops does not wait', async (t) => {
  const { requests, clock } = startSilent(t)
  const stop = new AbortController()
  const asked = requests.ask('time', { timeZone: 'UTC' }, stop.signal)
  const failed = t.rejects(asked, { code: 'HOST_FAILED', message: /is stopping/ })
  await clock.run(250)
  stop.abort()
  await failed
})

t.test('a folder makes the machine the box’s own; without one the program stands in', async (t) => {
  const calls: string[] = []
  const clock = new FakeClock()
  const root = t.testdir({ data: { 'seal.key': 'key' }, requests: {} })
  const dataDir = join(root, 'data')
  const own = {
    dataDir,
    restart: () => calls.push('restart'),
    startAnew: () => calls.push('startAnew'),
    clock,
    logger,
  }
  const image = findHost({ folder: join(root, 'requests'), ...own })
  t.equal(image.control.ownsMachine, true)
  t.ok(image.network)
  for (const folder of [undefined, join(dataDir, 'missing')]) {
    const { control, network } = findHost({ folder, ...own })
    t.equal(control.ownsMachine, false)
    t.equal(network, undefined)
    calls.length = 0
    await control.reboot('a test')
    await control.factoryReset('a test')
    t.strictSame(calls, [], 'the answer to whoever asked goes first')
    clock.advance(1_000)
    t.strictSame(calls, ['restart', 'startAnew'])
    await t.rejects(control.setTimeZone('UTC'), { code: 'HOST_UNSUPPORTED' })
  }
})
