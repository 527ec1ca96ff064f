import t, { type Test } from 'tap'
import { authenticationField, callScenario } from '#test/peers/sipp-scenarios.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp, type SippResult } from '#test/peers/sipp.ts'
import { notified, rung, SippDect } from '#test/peers/sipp-dect.ts'
import { someIpei } from '#test/dect/dect-fixture.ts'
import { Box } from '#test/support/box.ts'
import { Lab, labNumbers } from '#test/support/lab.ts'
import { addPhone, allowSipDevices, signIn, until } from './office.ts'
import { SpectralinkServer, type ServerUser } from './spectralink-server.ts'

// A Spectralink IP-DECT server with 50 handsets behind one IP address and port, on a box with the lab tenant.

const handsetCount = 50
const mac = '0090330a0b0c'
const box = await Box.prepare({ lab: true })
t.teardown(async () => {
  await box.stop()
  box.remove()
})
await box.start()
await box.logIn()
await allowSipDevices(box)
const lab = await Lab.of(box)
const phone = await addPhone(box, 'Reception')
await signIn(box, lab, phone, 'ben')

interface HandsetView {
  device: { id: string; label: string; lines: { id: string; username: string; contacts: object[] }[] }
  ipei: string
  extension: string
  state: string
}

const { device: server } = await box.json<{ device: { id: string } }>('/api/dect/servers', {
  body: { label: 'Ward DECT', mac, model: 'IP-DECT Server 400' },
})
const handsetViews = async (): Promise<HandsetView[]> =>
  (await box.json<{ handsets: HandsetView[] }>(`/api/devices/${server.id}/handsets`)).handsets
const counters = (): Promise<Record<string, number>> => box.json('/api/counters')

const radio = new SippDect({ port: await freePort(), target: `127.0.0.1:${box.ports.udp}` })
const station = new SpectralinkServer(box, mac)
let users: ServerUser[] = []
let handsets: HandsetView[] = []
function allSucceeded(t: Test, { successful, failed, errors }: SippResult, count: number): void {
  t.strictSame({ successful, failed }, { successful: count, failed: 0 }, 'as SIPp counts its calls')
  if (failed > 0) t.comment(errors)
}
const usernameOf = (view: HandsetView): string => view.device.lines[0]?.username ?? ''

await t.test('fifty handsets are pasted in, and the server fetches them as its users', async (t) => {
  const rows = Array.from({ length: handsetCount }, (_, n) => `${someIpei(n)};Ward <${n}> & "Co";${200 + n}`)
  const added = await box.json<{ handsets: HandsetView[] }>(`/api/devices/${server.id}/handsets/csv`, {
    body: { text: ['IPEI;Name;Number', ...rows].join('\r\n') },
  })
  t.equal(added.handsets.length, handsetCount)
  const config = await station.configure()
  t.match(station.url, /^https:/)
  t.match(config, {
    dect: { subscription_allowed: 'false' },
    sip: { proxy: { domain: '127.0.0.1', port: String(box.ports.udp), transport: 'UDPonly' } },
  })
  users = await station.users()
  handsets = await handsetViews()
  t.equal(users.length, handsetCount)
  t.strictSame(
    users.map(({ ipei, username }) => `${ipei} ${username}`).sort(),
    handsets.map((view) => `${view.ipei} ${usernameOf(view)}`).sort(),
  )
  t.equal(new Set(users.map(({ password }) => password)).size, handsetCount, 'each has its own password')
  t.match(users[0], {
    displayName: 'Ward <0> & "Co"',
    standbyText: 'Ward 0 & Co: *50*',
    accessCode: /^\d{6}$/,
  })
})

await t.test('nobody gets the users without the address that the server was given', async (t) => {
  const stranger = new SpectralinkServer(box, mac)
  const reply = await stranger.get('users')
  for (const { username, password, accessCode } of users) {
    if ([username, password, accessCode].some((secret) => reply.text.includes(secret))) t.fail(username)
  }
  t.not(reply.status, 200)
})

await t.test('all fifty register at once from one address and port', async (t) => {
  const result = await radio.register(users)
  allSucceeded(t, result, handsetCount)
  handsets = await handsetViews()
  t.equal(handsets.filter(({ state }) => state === 'registered').length, handsetCount)
  const addresses = handsets.map(({ device }) => JSON.stringify(device.lines[0]?.contacts))
  t.ok(
    addresses.every((text) => text.includes(`"127.0.0.1:${radio.port}"`)),
    'all from one port',
  )
})

/** The reception calls these one after the other, so that the n-th ring belongs to the n-th call. */
async function callEach(targets: readonly string[]): Promise<{ caller: SippResult; rang: string[] }> {
  const ringing = radio.ring()
  const caller = await startSipp({
    scenario: callScenario({ talkMs: 0 }),
    fields: targets.map((target) => [
      phone.username,
      authenticationField(phone.username, phone.password),
      target,
    ]),
    localPort: await freePort(),
    target: `127.0.0.1:${box.ports.udp}`,
    rate: 1000,
    calls: targets.length,
    limit: 1,
  }).done
  return { caller, rang: rung(await ringing.stop()) }
}

await t.test('the server is sent for its files when a subscription window opens and closes', async (t) => {
  const listening = radio.ring()
  const told = (): number => box.output.split('told to fetch its configuration').length - 1
  const allowed = async (): Promise<string | undefined> =>
    (await station.configure()).dect?.subscription_allowed
  t.equal(await allowed(), 'false')
  const before = told()
  await box.json(`/api/devices/${server.id}/subscription`, { body: { minutes: 5 } })
  await until('it is told of the opening', 30_000, () => told() > before || undefined)
  t.equal(await allowed(), 'true')
  await box.json(`/api/devices/${server.id}/subscription`, { method: 'DELETE' })
  await until('it is told of the end', 30_000, () => told() > before + 1 || undefined)
  t.equal(await allowed(), 'false')
  t.strictSame(notified(await listening.stop()), ['check-sync;reboot=false', 'check-sync;reboot=false'])
})

await t.test('each rings alone, called by its extension', async (t) => {
  const { caller, rang } = await callEach(handsets.map(({ extension }) => extension))
  allSucceeded(t, caller, handsetCount)
  t.strictSame(rang, handsets.map(usernameOf))
})

await t.test('a person signed in on a handset is called at the person’s number', async (t) => {
  const [handset] = handsets
  const [line] = handset?.device.lines ?? []
  if (!handset || !line) throw new Error('there are fifty')
  const credentials = { username: line.username, password: '', deviceId: handset.device.id, lineId: line.id }
  await signIn(box, lab, credentials, 'anna')
  const ringing = radio.ring()
  const { callId } = await lab.placeCall(labNumbers.carla, labNumbers.anna)
  await until('Anna answers', 30_000, async () => {
    const call = (await lab.calls()).find((entry) => entry.callId === callId)
    return call?.state === 'answered' ? call : undefined
  })
  await lab.hangUp(callId)
  t.strictSame(rung(await ringing.stop()), [line.username])
  const signedIn = (await station.users()).find(({ username }) => username === line.username)
  t.match(signedIn, { displayName: 'Anna Albrecht', standbyText: `Anna Albrecht ${labNumbers.anna}` })
})

await t.test('one handset is removed, 49 are unharmed', async (t) => {
  const gone = handsets[20] as HandsetView
  const rest = handsets.filter((view) => view !== gone)
  const goneUser = users.filter(({ username }) => username === usernameOf(gone))
  const ongoing = radio.ring()
  const talking = startSipp({
    scenario: callScenario({ talkMs: 1500 }),
    fields: [[phone.username, authenticationField(phone.username, phone.password), rest[5]?.extension ?? '']],
    localPort: await freePort(),
    target: `127.0.0.1:${box.ports.udp}`,
    calls: 1,
  })
  await until('the call is answered', 30_000, async () => {
    const { calls } = await box.json<{ calls: { state: string }[] }>('/api/calls/live')
    return calls.some(({ state }) => state === 'answered') || undefined
  })

  await box.json(`/api/handsets/${gone.device.id}`, { method: 'DELETE' })
  t.match(await talking.done, { successful: 1, failed: 0 }, 'a call of another handset goes on to its end')
  t.strictSame(
    rung(await ongoing.stop()),
    [rest[5]].map((view) => view && usernameOf(view)),
  )

  const refused = await radio.registerRefused(goneUser)
  allSucceeded(t, refused, 1)
  const left = await handsetViews()
  t.strictSame(left.map(usernameOf), rest.map(usernameOf))
  t.ok(
    left.every(({ state }) => state === 'registered' || state === 'signed-in'),
    'all others are registered',
  )
  t.notOk((await station.users()).some(({ username }) => username === goneUser[0]?.username))

  const { caller, rang } = await callEach(rest.slice(1).map(({ extension }) => extension))
  allSucceeded(t, caller, rest.length - 1)
  t.strictSame(rang, rest.slice(1).map(usernameOf), 'and each rings alone, as before')
  handsets = left
  users = users.filter((user) => !goneUser.includes(user))
})

await t.test('the box absorbs what a power cut does to a DECT server', async (t) => {
  const before = await counters()
  const startMs = performance.now()
  for (let round = 0; round < 4; round++) {
    const result = await radio.register(users)
    allSucceeded(t, result, users.length)
  }
  const tookMs = performance.now() - startMs
  t.comment(`4 times ${users.length} handsets registered at once in ${Math.round(tookMs)} ms`)
  t.ok(tookMs < 12_000, `${Math.round(tookMs)} ms`)
  const contacts = (await handsetViews()).map(({ device }) => device.lines[0]?.contacts.length)
  t.strictSame(
    contacts,
    users.map(() => 1),
    'nobody is there twice',
  )
  const after = await counters()
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0)
  t.equal(grown('calls.registersAccepted'), 4 * users.length)
  t.equal(grown('calls.registersRefused'), 0)
  const some = handsets.slice(1, 6)
  t.strictSame((await callEach(some.map(({ extension }) => extension))).rang, some.map(usernameOf))
})
