import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import { NetworkTrials } from '#src/host/network/network-control.ts'
import type { NetworkConfiguration, TrialEnd } from '#src/host/network/ports.ts'
import { SavedNetwork } from '#src/host/network/saved-network.ts'
import type { PartHealth } from '#src/model/health.ts'
import { systemRandom } from '#src/base/random.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const fixed: NetworkConfiguration = {
  ...{ mode: 'static', address: '192.0.2.10', prefixLength: 24, gateway: null, dns: [] },
}
const other: NetworkConfiguration = { ...fixed, address: '192.0.2.11' }
const letWork = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The network part over a machine whose answers the test gives. */
function start(t: Test, options: { supported?: boolean; folder?: string } = {}) {
  const { supported = true, folder = t.testdir() } = options
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const applied: NetworkConfiguration[] = []
  const health: PartHealth[] = []
  const ends: TrialEnd[] = []
  const machine = {
    fail: undefined as ApplianceError | undefined,
    hold: undefined as Promise<void> | undefined,
  }
  const network = new NetworkTrials({
    applier: supported
      ? {
          async apply(configuration) {
            applied.push(configuration)
            await machine.hold
            if (machine.fail) throw machine.fail
          },
        }
      : undefined,
    saved: new SavedNetwork({ dataDir: folder, logger }),
    readSystem: async () => ({ interfaces: [], gateways: [], dns: [] }),
    report: (part) => health.push(part),
    ...{ clock, random: systemRandom, logger },
  })
  network.events.on('trialEnded', (end) => ends.push(end))
  const file = join(folder, 'network.json')
  const mark = join(folder, 'network-trial.json')
  return { network, clock, logger, applied, health, ends, machine, folder, file, mark }
}

const hostFails = (untouched: boolean): ApplianceError =>
  new ApplianceError('HOST_FAILED', { untouched }, { text: 'The cable is not plugged in.' })

t.test('a trial that is confirmed at the console is kept over a restart', async (t) => {
  const { network, applied, clock, file, mark, folder, ends } = start(t)
  const { trial } = await network.startTrial(fixed, 'console')
  t.match(trial, { state: 'onTrial', secondsLeft: 60, configuration: fixed })
  t.ok(existsSync(mark), 'noted for the next start')
  t.notOk(existsSync(file))
  clock.advance(59_000)
  t.equal((await network.view()).trial?.secondsLeft, 1)
  await network.confirm({ by: 'console' })
  t.strictSame(JSON.parse(readFileSync(file, 'utf8')), fixed)
  t.notOk(existsSync(mark))
  t.match(ends, [{ kept: true }])
  t.equal(clock.pending, 0)
  const again = start(t, { folder })
  await again.network.start(new AbortController().signal)
  t.strictSame([...applied, ...again.applied], [fixed, fixed])
  t.match(again.health.at(-1), { name: 'network', state: 'ok', detail: /^192\.0\.2\.10\/24/ })
})

t.test('without a confirmation the one from before is back after 60 s', async (t) => {
  const { network, applied, clock, ends, mark } = start(t)
  await network.startTrial(fixed, 'console')
  await network.confirm({ by: 'console' })
  await network.startTrial(other, 'page')
  clock.advance(59_999)
  t.equal(applied.length, 2)
  await clock.run(1)
  t.strictSame(applied.at(-1), fixed)
  t.match(ends.at(-1), {
    kept: false,
    text: /Nobody confirmed within 60 seconds\. The settings from before are back/,
  })
  t.match(await network.view(), { configured: fixed, trial: undefined, lastFailure: /Nobody confirmed/ })
  t.notOk(existsSync(mark))
  await t.rejects(network.confirm({ by: 'console' }), { code: 'TRIAL_NONE' }, 'too late')
  t.equal(clock.pending, 0)
})

t.test('a page confirms over the new address only; its token is the trial’s own', async (t) => {
  const { network } = start(t)
  const { token } = await network.startTrial(fixed, 'page')
  for (const localAddress of ['127.0.0.1', '192.0.2.9', '::ffff:192.0.2.9', '', 'fe80::1'])
    await t.rejects(network.confirm({ by: 'page', localAddress }), { code: 'TRIAL_UNPROVEN' }, localAddress)
  t.equal(network.isTrialToken(''), false)
  t.equal(network.isTrialToken(token.slice(1)), false)
  t.equal(network.isTrialToken(token), true)
  await network.confirm({ by: 'page', localAddress: '::ffff:192.0.2.10' })
  t.equal(network.isTrialToken(token), false, 'of no more use')
})

t.test('with DHCP, any address that the machine has now proves it, but not the loopback', async (t) => {
  const { network } = start(t)
  await network.startTrial({ mode: 'dhcp' }, 'page')
  await t.rejects(network.confirm({ by: 'page', localAddress: '127.0.0.1' }), { code: 'TRIAL_UNPROVEN' })
  await t.rejects(network.confirm({ by: 'page', localAddress: '192.0.2.250' }), { code: 'TRIAL_UNPROVEN' })
  const own = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')
  if (own) {
    await network.confirm({ by: 'page', localAddress: own.address })
    t.match(await network.view(), { configured: { mode: 'dhcp' } })
  }
})

t.test('two trials never overlap', async (t) => {
  const { network, machine, applied } = start(t)
  let release = (): void => undefined
  machine.hold = new Promise((resolve) => (release = resolve))
  const first = network.startTrial(fixed, 'page')
  await letWork()
  await t.rejects(
    network.startTrial(other, 'console'),
    { code: 'TRIAL_RUNNING' },
    'while it is put into force',
  )
  release()
  await first
  await t.rejects(network.startTrial(other, 'console'), { code: 'TRIAL_RUNNING' }, 'while it is on trial')
  const both = await Promise.allSettled([
    network.rollBack().then(() => network.startTrial(other, 'a')),
    network.rollBack(),
  ])
  t.match(both[1], { status: 'rejected', reason: { code: 'TRIAL_NONE' } })
  t.strictSame(applied, [fixed, { mode: 'dhcp' }, other])
})

t.test('taken back while it is still being put into force', async (t) => {
  const { network, machine, applied, clock } = start(t)
  let release = (): void => undefined
  machine.hold = new Promise((resolve) => (release = resolve))
  const first = network.startTrial(fixed, 'page')
  await letWork()
  const back = network.rollBack()
  await t.rejects(first, { code: 'TRIAL_NONE', message: /taken back meanwhile/ })
  release()
  await back
  t.strictSame(applied, [fixed, { mode: 'dhcp' }], 'one after the other')
  t.equal((await network.view()).trial, undefined)
  t.equal(clock.pending, 0)
})

t.test('a machine that refuses leaves everything as it was', async (t) => {
  const { network, machine, applied, mark } = start(t)
  machine.fail = hostFails(true)
  await t.rejects(network.startTrial(fixed, 'page'), { message: 'The cable is not plugged in.' })
  t.match(await network.view(), { trial: undefined, lastFailure: 'The cable is not plugged in.' })
  t.equal(applied.length, 1)
  t.notOk(existsSync(mark))
})

t.test('a machine that fails half-way is asked for the old one until it is back', async (t) => {
  const { network, machine, applied, clock, health, ends } = start(t)
  machine.fail = hostFails(false)
  await t.rejects(network.startTrial(fixed, 'page'), { code: 'HOST_FAILED' })
  await letWork()
  t.match(await network.view(), { trial: { state: 'rollingBack' } })
  t.match(health.at(-1), { state: 'degraded', detail: /not back in force/, advice: /console/ })
  await t.rejects(network.startTrial(other, 'page'), { code: 'TRIAL_RUNNING' })
  await clock.run(10_000)
  machine.fail = undefined
  await clock.run(10_000)
  t.strictSame(applied, [fixed, { mode: 'dhcp' }, { mode: 'dhcp' }, { mode: 'dhcp' }])
  t.match(ends, [{ kept: false, text: /The cable is not plugged in\. The settings from before are back/ }])
  t.match(health.at(-1), { state: 'ok' })
  t.equal(clock.pending, 0)
})

t.test('a disk that takes nothing: the confirmation fails, and the trial is taken back', async (t) => {
  const { network, clock, folder, applied } = start(t)
  await network.startTrial(fixed, 'console')
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'no folder any more')
  await t.rejects(network.confirm({ by: 'console' }), { code: 'STORE_FAILED', message: /could not be kept/ })
  await clock.run(60_000)
  t.strictSame(applied.at(-1), { mode: 'dhcp' })
})

t.test('a crash during the first trial falls back to the host’s default', async (t) => {
  const { network, folder } = start(t)
  await network.startTrial(fixed, 'console')
  const next = start(t, { folder })
  await next.network.start(new AbortController().signal)
  t.strictSame(next.applied, [{ mode: 'dhcp' }])
  t.notOk(existsSync(next.mark))
  const third = start(t, { folder })
  await third.network.start(new AbortController().signal)
  t.strictSame(third.applied, [], 'nothing was confirmed, so nothing is asked for')
})

t.test('a crash during a later trial falls back to the confirmed one', async (t) => {
  const { network, folder } = start(t)
  await network.startTrial(fixed, 'console')
  await network.confirm({ by: 'console' })
  await network.startTrial(other, 'console')
  const next = start(t, { folder })
  await next.network.start(new AbortController().signal)
  t.strictSame(next.applied, [fixed])
  t.notOk(existsSync(next.mark))
})

t.test('at the start the host is asked until it does it', async (t) => {
  const folder = t.testdir({ 'network.json': JSON.stringify(fixed) })
  const { network, applied, clock, health, machine } = start(t, { folder })
  machine.fail = hostFails(true)
  const started = network.start(new AbortController().signal)
  await letWork()
  t.match(health.at(-1), { state: 'degraded', detail: /The cable is not plugged in/ })
  machine.fail = undefined
  await clock.run(30_000)
  await started
  t.equal(applied.length, 2)
  t.match(health.at(-1), { state: 'ok' })
})

t.test('a trial that begins while the start still waits for the machine keeps its mark', async (t) => {
  const first = start(t)
  await first.network.startTrial(fixed, 'console')
  const { network, machine, mark, health } = start(t, { folder: first.folder })
  const held = Promise.withResolvers<void>()
  machine.hold = held.promise
  const started = network.start(new AbortController().signal)
  const tried = network.startTrial(other, 'console')
  await letWork()
  held.resolve()
  await started
  await tried
  t.ok(existsSync(mark), 'a crash from here on is still one in the middle of a trial')
  t.match(health.at(-1), { detail: /^On trial: 192\.0\.2\.11/ })
})

t.test('a file that nobody can have meant is left out, and the log says so', async (t) => {
  for (const text of ['{', '{"mode":"static"}', '[]', '{"mode":"dhcp","evil":1}', 'x'.repeat(10_000)]) {
    const folder = t.testdir({ 'network.json': text })
    const { network, applied, logger } = start(t, { folder })
    await network.start(new AbortController().signal)
    t.strictSame(applied, [], text.slice(0, 20))
    t.match(
      logger.lines.filter(({ level }) => level === 'error'),
      [{ text: /network settings/ }],
    )
  }
})

t.test('the box stops during a trial: it is taken back first', async (t) => {
  const { network, applied, mark, clock } = start(t)
  await network.startTrial(fixed, 'page')
  await network.stop()
  t.strictSame(applied, [fixed, { mode: 'dhcp' }])
  t.notOk(existsSync(mark))
  await t.rejects(network.startTrial(fixed, 'page'), { code: 'TRIAL_RUNNING' })
  t.equal(clock.pending, 0)
})

t.test('on somebody’s machine the network is only shown', async (t) => {
  const { network, health } = start(t, { supported: false })
  await network.start(new AbortController().signal)
  t.match(health, [{ state: 'off', detail: /operating system of this machine/ }])
  t.match(await network.view(), { supported: false, trial: undefined })
  await t.rejects(network.startTrial(fixed, 'page'), { code: 'HOST_UNSUPPORTED' })
  await network.stop()
})

t.test('what cannot work is refused before the host is asked', async (t) => {
  const { network, applied } = start(t)
  await t.rejects(network.startTrial({ ...fixed, gateway: '198.51.100.1' }, 'page'), {
    code: 'INVALID',
    details: { field: 'gateway' },
  })
  t.strictSame(applied, [])
})

t.test('the data directory is made when there is none yet', async (t) => {
  const folder = join(t.testdir(), 'data')
  const { network, file } = start(t, { folder })
  await network.startTrial(fixed, 'console')
  await network.confirm({ by: 'console' })
  t.ok(existsSync(file))
  mkdirSync(folder, { recursive: true })
})
