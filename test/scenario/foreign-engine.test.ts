import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from '#test/house/source-files.ts'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip } from '#test/peers/baresip.ts'
import { freePort } from '#test/peers/free-port.ts'
import { Box } from '#test/support/box.ts'
import { seedLines, type SeededLine } from '#test/support/seed.ts'
import { until } from './office.ts'

// The SIP seam from outside: the engine is another process, reached over drachtio's protocol. The box never knows.

const secret = 'a secret of the engine'
const ports = { sip: await freePort(), door: await freePort() }
let engine: ChildProcess

async function startDoor(t: Test): Promise<void> {
  const script = join(root, 'test/support/engine-door.ts')
  const args = [
    '--disable-warning=ExperimentalWarning',
    script,
    secret,
    String(ports.sip),
    String(ports.door),
  ]
  engine = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(engine.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  t.match(JSON.parse(line.toString()), { udp: ports.sip, tcp: ports.sip, door: ports.door })
}

async function endDoor(): Promise<void> {
  if (engine.exitCode !== null || engine.signalCode !== null) return
  const gone = once(engine, 'close')
  engine.kill('SIGKILL')
  await gone
}

const drachtio = { host: '127.0.0.1', port: ports.door, secret }
const box = await Box.prepare({ lab: false, settings: { sip: { drachtio } } })
const [anna, ben] = (await seedLines(box.dataDir, 2)) as [SeededLine, SeededLine]
const phoneOf = (line: SeededLine, toneHz: number): Baresip =>
  new Baresip({ ...line, server: `127.0.0.1:${ports.sip}`, toneHz })
const caller = phoneOf(anna, 440)
const callee = phoneOf(ben, 620)
t.teardown(async () => {
  await Promise.all([caller.stop(true), callee.stop(true), box.stop()])
  await endDoor()
  box.remove()
})

async function callBetween(t: Test): Promise<void> {
  const marks = [caller.events.length, callee.events.length] as const
  await caller.dial(ben.number)
  await callee.waitFor('CALL_INCOMING', 30_000, marks[1])
  await callee.command('accept')
  await caller.waitFor('CALL_ESTABLISHED', 30_000, marks[0])
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await callee.command('hangup')
  await caller.waitFor('CALL_CLOSED', 30_000, marks[0])
  for (const [name, phone, hz] of [
    ['caller', caller, 620],
    ['callee', callee, 440],
  ] as const) {
    const heard = heardTone(phone.heard(), [440, 620])
    t.match(heard, { hz }, name)
    t.ok((heard?.continuity ?? 0) > 0.97, `${name}: ${heard?.continuity}`)
  }
}

const lastCause = async (): Promise<string | undefined> =>
  (await box.json<{ calls: { cause: string }[] }>('/api/calls?limit=1')).calls[0]?.cause

t.test('without its engine the box says which one is missing', async (t) => {
  box.launch()
  const { parts } = await box.waitForHealth(({ state }) => state === 'failed', 30_000)
  const sip = parts.find(({ name }) => name === 'sip')
  t.match(sip, { state: 'failed', advice: 'Check address, port and secret of the drachtio-server.' })
  t.match(sip?.detail, `127.0.0.1:${ports.door}`)
  t.equal(await box.stop(), 0)
})

t.test('phones register and call through the engine of another process', async (t) => {
  await startDoor(t)
  await box.start()
  await box.logIn()
  const { parts } = await box.json<{ parts: { name: string; detail: string }[] }>('/api/health')
  t.match(
    parts.find(({ name }) => name === 'sip')?.detail,
    `through the drachtio-server at 127.0.0.1:${ports.door}`,
  )
  await Promise.all([caller.start(), callee.start()])
  await Promise.all([caller.waitForRegistration(), callee.waitForRegistration()])
  t.match(await box.json('/api/status'), { counts: { registeredLines: 2 } })
  await callBetween(t)
  await until('the call is in the log', 30_000, async () =>
    (await lastCause()) === 'CALL_ENDED_BY_CALLEE' ? true : undefined,
  )

  const mark = caller.events.length
  const rings = callee.events.length
  await caller.dial(ben.number)
  await callee.waitFor('CALL_INCOMING', 30_000, rings)
  await caller.command('hangup')
  await callee.waitFor('CALL_CLOSED', 30_000, rings)
  await caller.waitFor('CALL_CLOSED', 30_000, mark)
  await until('the cancel is in the log', 30_000, async () =>
    (await lastCause()) === 'CALL_CANCELLED' ? true : undefined,
  )
  t.match(await box.json('/api/counters'), { 'media.sessions': 0, 'calls.live': 0, 'calls.callsAnswered': 1 })
})

t.test(
  'the engine dies and comes back: the box finds it, phones ring without registering again',
  async (t) => {
    await endDoor()
    await startDoor(t)
    const mark = caller.events.length
    await until('a call gets through again', 30_000, async () => {
      const from = callee.events.length
      await caller.dial(ben.number)
      const rang = await callee.waitFor('CALL_INCOMING', 1500, from).catch(() => undefined)
      await caller.command('hangup')
      return rang
    })
    t.ok(caller.events.length > mark)
    await until('it is quiet', 30_000, async () => {
      const now = await box.json<Record<string, number>>('/api/counters')
      return now['calls.live'] === 0 ? true : undefined
    })
    await callBetween(t)
  },
)
