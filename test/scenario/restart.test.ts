import t from 'tap'
import { WirePhone } from '#test/pbx/support/wire-phone.ts'
import { Box } from '#test/support/box.ts'
import { RawPhone } from '#test/support/raw-phone.ts'
import { seedLines, type SeededLine } from '#test/support/seed.ts'
import { until } from './office.ts'

// Once and under light load what `npm run show:crash` does twenty times under a heavy one.

interface LoggedCall {
  id: string
  cause: string
}

const box = await Box.prepare({ lab: false })
const lines = await seedLines(box.dataDir, 8)
const [sleeping, caller, busy, ...watched] = lines as [SeededLine, SeededLine, SeededLine, ...SeededLine[]]
t.teardown(async () => {
  await box.stop()
  box.remove()
})

/** What the box has acknowledged: it must all be there afterwards. */
const ledger = {
  contacts: new Map<string, Set<string>>(),
  calls: new Map<string, string>(),
  stopGraceS: undefined as number | undefined,
}
let alive = true

/** Repeats work until the box is gone; what died with it was not acknowledged. */
async function whileAlive(work: () => Promise<void>): Promise<void> {
  while (alive) {
    try {
      await Promise.race([work(), box.ended])
    } catch (error) {
      if (alive) throw error
    }
  }
}

async function register(line: SeededLine): Promise<void> {
  const phone = await RawPhone.open(line.username, line.password, box.ports.udp)
  let turn = 0
  ledger.contacts.set(line.username, new Set())
  await whileAlive(async () => {
    // Each phone moves among a few addresses, which all stay bound.
    const contact = `sip:${line.username}@127.0.0.1:${20_000 + (turn++ % 5)}`
    const acknowledged = await phone.register(contact)
    if (acknowledged?.includes(contact)) ledger.contacts.get(line.username)?.add(contact)
    else if (alive) throw new Error(`${line.username} was not registered`)
  })
  phone.close()
}

async function changeSettings(): Promise<void> {
  let next = 30
  await whileAlive(async () => {
    const { etag } = await box.json<{ etag: string }>('/api/settings')
    const stopGraceS = next++
    ledger.stopGraceS = undefined
    await box.json('/api/settings', { method: 'PATCH', body: { stopGraceS }, headers: { 'if-match': etag } })
    ledger.stopGraceS = stopGraceS
  })
}

/** Calls that end at once, one after the other: each leaves a record. */
async function placeCalls(from: WirePhone, to: WirePhone): Promise<void> {
  await whileAlive(async () => {
    const heard = to.heard.length
    const call = await from.call(busy.number)
    to.respond(await to.request('INVITE', heard), 486)
    await call.answered()
  })
}

async function readLog(): Promise<LoggedCall[]> {
  return (await box.json<{ calls: LoggedCall[] }>('/api/calls?limit=200')).calls
}

t.test('kill -9 under load', async (t) => {
  await box.start()
  await box.logIn()
  const sleeper = await WirePhone.open(t, sleeping, box.ports.udp)
  const from = await WirePhone.open(t, caller, box.ports.udp)
  const to = await WirePhone.open(t, busy, box.ports.udp)
  t.equal((await sleeper.register()).status, 200)
  t.equal((await to.register()).status, 200)
  const work = [
    ...watched.map(register),
    changeSettings(),
    placeCalls(from, to),
    whileAlive(async () => {
      for (const call of await readLog()) ledger.calls.set(call.id, JSON.stringify(call))
    }),
  ]
  await until('there is something to lose', 30_000, () =>
    ledger.calls.size >= 5 &&
    [...ledger.contacts.values()].every(({ size }) => size >= 3) &&
    (ledger.stopGraceS ?? 0) > 35
      ? true
      : undefined,
  )
  const gone = box.kill()
  alive = false
  await gone
  await Promise.all(work)
  t.comment(
    `${ledger.contacts.size} phones, ${ledger.calls.size} calls, setting ${ledger.stopGraceS ?? 'in flight'}`,
  )

  await box.start()
  const { devices } = await box.json<{
    devices: {
      lines: { username: string; user: { upn: string } | null; contacts: { address: string }[] }[]
    }[]
  }>('/api/devices')
  const found = devices.flatMap((device) => device.lines)
  for (const [username, contacts] of ledger.contacts) {
    const line = watched.find((one) => one.username === username) as SeededLine
    const phone = await RawPhone.open(username, line.password, box.ports.udp)
    const bound = new Set(await phone.register(undefined))
    t.ok(contacts.isSubsetOf(bound), `${username} is bound as before, ${contacts.size} times`)
    phone.close()
  }
  t.equal(found.filter(({ user }) => user !== null).length, lines.length, 'everybody is still signed in')
  const log = new Set((await readLog()).map((call) => JSON.stringify(call)))
  for (const call of ledger.calls.values()) t.ok(log.has(call), 'an ended call is in the log as it was')
  if (ledger.stopGraceS !== undefined) {
    const { fields } = await box.json<{ fields: { path: string; value: unknown }[] }>('/api/settings')
    t.equal(fields.find(({ path }) => path === 'stopGraceS')?.value, ledger.stopGraceS)
  }

  const heard = sleeper.heard.length
  const call = await from.call(sleeping.number)
  const invite = await sleeper.request('INVITE', heard)
  sleeper.respond(invite, 486)
  t.equal((await call.answered()).status, 486, 'a phone that has not registered again rings')
  const errors = box.output.split('\n').filter((line) => /"level":(50|60)/.test(line))
  t.strictSame(errors, [], 'the box found nothing wrong')
})
