// npm run show:crash [-- --rounds 20]: kill -9 under load, restart, and everything that was acknowledged is there.
import { parseArgs } from 'node:util'
import { labTenantId } from '#src/lab/identity.ts'
import { freeMediaPort, freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import {
  answerScenario,
  authenticationField,
  callScenario,
  registerScenario,
} from '#test/peers/sipp-scenarios.ts'
import { Box } from '#test/support/box.ts'
import { Lab } from '#test/support/lab.ts'
import { RawPhone } from '#test/support/raw-phone.ts'
import { seedLines, type SeededLine } from '#test/support/seed.ts'
import { addPhone, allowSipDevices, signIn, until, type OfficeLine } from './office.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } })
const rounds = Number(values.rounds)
const lineCount = 60
/** Lines 0..9 are watched by the ledger, 10 is the phone that never registers again, the rest make load. */
const ledgerCount = 10
/** Fewer than the box keeps for one line. */
const contactsPerLine = 8

interface LoggedCall {
  id: string
  cause: string
  endedAtMs: number
}

/** What the box has acknowledged so far, from every side. */
interface Ledger {
  /** Contacts by `username contact`. */
  contacts: Set<string>
  calls: Map<string, string>
  signedIn: Map<string, string>
  stopGraceS: number | undefined
}

interface Scene {
  box: Box
  lines: SeededLine[]
  ledger: Ledger
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs work again and again until the box is gone. */
async function repeat(alive: () => boolean, pauseMs: number, work: () => Promise<void>): Promise<void> {
  while (alive()) {
    try {
      await work()
    } catch (error) {
      // A request that died with the box is not acknowledged and counts for nothing.
      if (alive()) throw error
    }
    await delay(pauseMs)
  }
}

async function readCalls(box: Box): Promise<LoggedCall[]> {
  return (await box.json<{ calls: LoggedCall[] }>('/api/calls?limit=200')).calls
}

async function registerWatched(
  { lines, ledger }: Scene,
  phones: RawPhone[],
  alive: () => boolean,
): Promise<void> {
  let turn = 0
  await repeat(alive, 5, async () => {
    const index = turn++ % ledgerCount
    const line = lines[index] as SeededLine
    const contact = `sip:${line.username}@127.0.0.1:${20000 + Math.floor(Math.random() * contactsPerLine)}`
    const acknowledged = await (phones[index] as RawPhone).register(contact)
    if (acknowledged?.includes(contact)) ledger.contacts.add(`${line.username} ${contact}`)
    else if (alive()) throw new Error(`${line.username} was not registered`)
  })
}

async function changeSettings({ box, ledger }: Scene, alive: () => boolean): Promise<void> {
  let next = 30
  await repeat(alive, 40, async () => {
    const current = await box.json<{ etag: string }>('/api/settings')
    const wanted = 30 + (next++ % 500)
    ledger.stopGraceS = undefined
    await box.json('/api/settings', {
      method: 'PATCH',
      body: { stopGraceS: wanted },
      headers: { 'if-match': current.etag },
    })
    ledger.stopGraceS = wanted
  })
}

async function watchCalls({ box, ledger }: Scene, alive: () => boolean): Promise<void> {
  await repeat(alive, 50, async () => {
    for (const call of await readCalls(box)) ledger.calls.set(call.id, JSON.stringify(call))
  })
}

async function checkRestarted(scene: Scene, lines: OfficeLine[], problems: string[]): Promise<void> {
  const { box, ledger } = scene
  for (const line of scene.lines.slice(0, ledgerCount)) {
    const phone = await RawPhone.open(line.username, line.password, box.ports.udp)
    const contacts = new Set(await phone.register(undefined))
    phone.close()
    for (const entry of ledger.contacts) {
      const [username, contact] = entry.split(' ') as [string, string]
      if (username === line.username && !contacts.has(contact)) problems.push(`${entry} is gone`)
    }
  }
  const found = new Set<string>()
  for (const call of await readCalls(box)) found.add(JSON.stringify(call))
  const recent = [...ledger.calls.values()].slice(-150)
  for (const call of recent) if (!found.has(call)) problems.push(`ended call lost or changed: ${call}`)
  if (ledger.stopGraceS !== undefined) {
    const { fields } = await box.json<{ fields: { path: string; value: unknown }[] }>('/api/settings')
    const stopGraceS = fields.find(({ path }) => path === 'stopGraceS')?.value
    if (stopGraceS !== ledger.stopGraceS)
      problems.push(`setting lost: ${String(stopGraceS)}, not ${ledger.stopGraceS}`)
  }
  const { devices } = await box.json<{
    devices: { lines: { id: string; user: { upn: string } | null }[] }[]
  }>('/api/devices')
  const users = new Map(devices.flatMap((device) => device.lines.map((line) => [line.id, line.user?.upn])))
  for (const line of lines) {
    const wanted = ledger.signedIn.get(line.lineId)
    if (wanted !== undefined && !users.get(line.lineId)?.startsWith(wanted))
      problems.push(`sign-in of ${wanted} lost`)
  }
}

async function ringSleeper(scene: Scene, problems: string[]): Promise<void> {
  const caller = scene.lines[11] as SeededLine
  const sleeping = scene.lines[10] as SeededLine
  const call = await startSipp({
    scenario: callScenario({ talkMs: 200 }),
    fields: [[caller.username, authenticationField(caller.username, caller.password), sleeping.number]],
    localPort: await freePort(),
    target: `127.0.0.1:${scene.box.ports.udp}`,
    rate: 1,
    calls: 1,
    mediaPort: await freeMediaPort(),
  }).done
  if (call.successful !== 1)
    problems.push(`the phone that had not registered again did not ring (${call.errors.slice(0, 300)})`)
}

async function oneRound(scene: Scene, lab: Lab, lines: OfficeLine[], killAfterMs: number): Promise<void> {
  const { box, ledger } = scene
  let running = true
  const alive = (): boolean => running
  const phones = await Promise.all(
    scene.lines
      .slice(0, ledgerCount)
      .map((line) => RawPhone.open(line.username, line.password, box.ports.udp)),
  )
  const target = `127.0.0.1:${box.ports.udp}`
  const load = scene.lines.slice(12)
  const fields = load.map(({ username, password }, index) => [
    username,
    authenticationField(username, password),
    (load[(index + 1) % load.length] as SeededLine).number,
  ])
  const phonePort = await freePort()
  const storm = startSipp({
    scenario: registerScenario(),
    fields,
    localPort: phonePort,
    target,
    rate: 100,
    calls: 60,
  })
  await storm.done
  const answering = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: phonePort,
    mediaPort: await freeMediaPort(),
  })
  const calling = startSipp({
    scenario: callScenario({ talkMs: 300 }),
    fields,
    localPort: await freePort(),
    target,
    rate: 10,
    calls: 10_000,
    mediaPort: await freeMediaPort(),
  })
  const registering = startSipp({
    scenario: registerScenario(),
    fields: fields.slice(0, 5),
    localPort: phonePort + 1,
    target,
    rate: 50,
    calls: 100_000,
  })
  const phone = await addPhone(box, `Round phone ${lines.length}`)
  lines.push(phone)
  const person = ['anna', 'ben', 'carla'][lines.length % 3] as string
  const work = [
    registerWatched(scene, phones, alive),
    changeSettings(scene, alive),
    watchCalls(scene, alive),
    signIn(box, lab, phone, person).then(
      () => void ledger.signedIn.set(phone.lineId, person),
      (error: unknown) => {
        if (running) throw error
      },
    ),
  ]
  await delay(killAfterMs)
  const gone = box.kill()
  running = false
  await gone
  for (const each of phones) each.close()
  await Promise.all(work)
  await Promise.all([calling.stop(), registering.stop(), answering.stop()])
}

async function main(): Promise<boolean> {
  await using stack = new AsyncDisposableStack()
  const box = await Box.prepare({ lab: true })
  stack.defer(() => box.remove())
  stack.defer(async () => void (await box.stop()))
  const lines = await seedLines(box.dataDir, lineCount, labTenantId)
  await box.start()
  await box.logIn()
  await allowSipDevices(box)
  const scene: Scene = {
    box,
    lines,
    ledger: { contacts: new Set(), calls: new Map(), signedIn: new Map(), stopGraceS: undefined },
  }
  const sleeperPort = await freePort()
  const sleeping = lines[10] as SeededLine
  const registered = await startSipp({
    scenario: registerScenario(7200),
    fields: [[sleeping.username, authenticationField(sleeping.username, sleeping.password)]],
    localPort: sleeperPort,
    target: `127.0.0.1:${box.ports.udp}`,
    rate: 1,
    calls: 1,
  }).done
  if (registered.successful !== 1) throw new Error(`the sleeping phone cannot register: ${registered.errors}`)
  const sleeper = startSipp({
    scenario: answerScenario({ srtp: false }),
    localPort: sleeperPort,
    mediaPort: await freeMediaPort(),
  })
  stack.defer(async () => void (await sleeper.stop()))

  const officeLines: OfficeLine[] = []
  let failed = 0
  for (let round = 1; round <= rounds; round++) {
    const problems: string[] = []
    // The lab is asked for a sign-in every five seconds: some rounds die before its answer, some after.
    const killAfterMs = 2500 + Math.floor(Math.random() * 6500)
    await oneRound(scene, await Lab.of(box), officeLines, killAfterMs)
    const startedMs = performance.now()
    await box.start()
    const readyMs = performance.now() - startedMs
    await until('the admin can log in', 30_000, async () => {
      await box.logIn()
      return true
    })
    await checkRestarted(scene, officeLines, problems)
    await ringSleeper(scene, problems)
    const { contacts, calls, signedIn } = scene.ledger
    console.log(
      `${problems.length === 0 ? 'ok    ' : 'FAILED'} round ${String(round).padStart(2)}: killed after ${killAfterMs} ms, ready again in ${Math.round(readyMs)} ms; ` +
        `${contacts.size} bindings, ${signedIn.size} sign-ins, ${calls.size} calls, setting ${scene.ledger.stopGraceS ?? 'in flight'}; sleeping phone rang`,
    )
    for (const problem of problems) console.log(`       ! ${problem}`)
    if (problems.length > 0) failed++
  }
  console.log(`\n${rounds - failed} passed, ${failed} failed`)
  return failed === 0
}

process.exitCode = (await main()) ? 0 : 1
