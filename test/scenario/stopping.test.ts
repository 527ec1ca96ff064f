import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import type { CallRecord } from '#src/model/call-record.ts'
import { openStore } from '#src/store/open-store.ts'
import { loadSealKey } from '#src/store/seal-key.ts'
import type { Baresip } from '#test/peers/baresip.ts'
import { WirePhone } from '#test/pbx/support/wire-phone.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, type SeededLine } from '#test/support/seed.ts'
import { startServiceManager } from '#test/support/service-manager.ts'
import { plugIn, until } from './office.ts'

interface Scene {
  box: Box
  caller: Baresip
  callee: Baresip
  /** A third phone, for a new call. */
  third: WirePhone
  /** Starts a call between the two and waits until it is up. */
  call: () => Promise<void>
}

async function startScene(
  t: Test,
  stopGraceS: number,
  environment: Record<string, string> = {},
): Promise<Scene> {
  const box = await Box.prepare({ lab: false })
  const config = { sip: { udpPort: box.ports.udp, tcpPort: box.ports.tcp, tlsPort: box.ports.tls } }
  const page = { httpsPort: box.ports.https, httpPort: box.ports.http }
  box.writeConfig(JSON.stringify({ ...config, page, stopGraceS }))
  t.teardown(async () => {
    await box.kill()
    box.remove()
  })
  const [first, second, last] = (await seedLines(box.dataDir, 3)) as [SeededLine, SeededLine, SeededLine]
  box.launch(environment)
  await box.waitForHealth(({ state }) => state === 'ok', 30_000)
  await box.logIn()
  const [caller, callee] = await Promise.all([
    plugIn(box, { ...first, deviceId: '' }, { toneHz: 440 }),
    plugIn(box, { ...second, deviceId: '' }, { toneHz: 620, answer: 'auto' }),
  ])
  t.teardown(() => Promise.all([caller.stop(true), callee.stop(true)]))
  const third = await WirePhone.open(t, last, box.ports.udp)
  return {
    box,
    caller,
    callee,
    third,
    call: async () => {
      await caller.dial(second.number)
      await Promise.all([caller.waitFor('CALL_ESTABLISHED'), callee.waitFor('CALL_ESTABLISHED')])
    },
  }
}

/** The call log as the stopped box left it. */
async function readLog(box: Box): Promise<CallRecord[]> {
  const { dataDir } = box
  const sealKey = loadSealKey({ keyFile: join(dataDir, 'seal.key') })
  const store = openStore({ dataDir, sealKey, realm: 'branchline', clock: systemClock, logger: silentLogger })
  const calls = store.callLog.list({ limit: 10 })
  await store.close()
  return calls
}

t.test('SIGTERM with a call up: new calls are refused, the call goes on, its end is the end', async (t) => {
  const manager = await startServiceManager(t)
  const { box, caller, callee, third, call } = await startScene(t, 60, {
    NOTIFY_SOCKET: manager.path,
    WATCHDOG_USEC: '600000',
  })
  await manager.until((text) => (text.match(/WATCHDOG=1/g) ?? []).length >= 2)
  await call()
  box.signal('SIGTERM')
  await manager.until((text) => text.includes('STOPPING=1'))
  const refused = await (await third.call('+49301234567')).answered()
  t.equal(refused.status, 503)
  t.equal(refused.header('Retry-After'), '30')
  t.match(refused.header('Warning'), 'The box is stopping and takes no new calls.')
  t.equal((await third.register()).status, 200, 'phones may still register')
  t.match(
    await box.json('/api/calls/live'),
    { calls: [{ state: 'answered' }] },
    'the page still shows the call',
  )
  const beats = (): number => (manager.received().match(/WATCHDOG=1/g) ?? []).length
  const sofar = beats()
  await manager.until(() => beats() >= sofar + 2)
  t.notOk(
    caller.events.some(({ type }) => type === 'CALL_CLOSED'),
    'the call goes on',
  )

  const hungUpAtMs = performance.now()
  await caller.command('hangup')
  t.equal(await box.ended, 0)
  t.ok(performance.now() - hungUpAtMs < 3000, 'the process ends at once')
  await callee.waitFor('CALL_CLOSED')
  const order = /READY=1\nSTATUS=All parts are up\.[^]*WATCHDOG=1[^]*STOPPING=1[^]*STATUS=Stopping: /
  t.match(manager.received(), order)
  t.strictSame(new Set(manager.received().match(/MAINPID=\d+/g)), new Set([`MAINPID=${box.pid}`]))
  t.equal(manager.received().split('STOPPING=1').length, 2, 'said once')
  const calls = await readLog(box)
  t.match(
    calls.map(({ cause, sipStatus }) => ({ cause, sipStatus })),
    [
      { cause: 'CALL_STOPPING', sipStatus: 503 },
      { cause: 'CALL_ENDED_BY_CALLER', sipStatus: 200 },
    ],
  )
})

t.test('when the grace is over both sides get BYE and the log says why', async (t) => {
  const { box, caller, callee, call } = await startScene(t, 1)
  await call()
  const startedMs = performance.now()
  box.signal('SIGTERM')
  await Promise.all([caller.waitFor('CALL_CLOSED', 30_000), callee.waitFor('CALL_CLOSED', 30_000)])
  t.ok(performance.now() - startedMs > 900, 'not before the time is over')
  t.equal(await box.ended, 0)
  const [record] = await readLog(box)
  t.match(record, {
    cause: 'CALL_ENDED_BY_SHUTDOWN',
    sipStatus: 200,
    explanation: 'The box was stopped during the call.',
  })
  t.type(record?.answeredAtMs, 'number')
})

t.test('a second SIGTERM ends the process at once', async (t) => {
  const { box, call } = await startScene(t, 60)
  await call()
  box.signal('SIGTERM')
  await until('the stop has begun', 30_000, () =>
    box.output.includes('live calls may finish') ? true : undefined,
  )
  const startedMs = performance.now()
  box.signal('SIGTERM')
  t.equal(await box.ended, 1)
  t.ok(performance.now() - startedMs < 1000)
})
