import t, { type Test } from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { createDect, type Dect } from '#src/dect/create-dect.ts'
import type { Handset } from '#src/dect/ports.ts'
import { TestProvisioning } from '#test/provisioning/provisioning-fixture.ts'
import { someBinding, someUser } from '#test/store/store-fixture.ts'
import { someIpei } from './dect-fixture.ts'

// A Spectralink server at the door of provisioning, with the DECT side behind it.

const mac = '0090330A0B0C'
const headers = { 'user-agent': 'Spectralink IP-DECT Server 400 PCS24B' }

function start(t: Test): { box: TestProvisioning; dect: Dect } {
  const box: TestProvisioning = new TestProvisioning(t, {
    dect: { viewOf: (serverId) => dect.configuration.viewOf(serverId) },
  })
  const { store, clock, logger } = box
  const dect = createDect({ store, emergencyNumbers: () => [], clock, random: systemRandom, logger })
  dect.on('configurationChanged', ({ serverId }) => box.provisioning.deviceChanged(serverId))
  t.teardown(() => dect.stop())
  return { box, dect }
}

/** Path of the own folder that a configuration sends the server to. */
const folderOf = (body: string | undefined): string =>
  /<url>https:\/\/[^/]+(\/[^<]*\/)<\/url>/.exec(body ?? '')?.[1] ?? ''

async function plugIn(box: TestProvisioning): Promise<{ first: string; own: string }> {
  const first = folderOf((await box.ask(`/${mac}-config.xml`, { headers }))?.body)
  const own = folderOf((await box.askSecure(`${first}${mac}-config.xml`, { headers }))?.body)
  return { first, own }
}

async function register({ store, clock, pbx }: TestProvisioning, { line, device }: Handset): Promise<void> {
  const binding = someBinding({ aor: line.username, expiresAtMs: clock.nowMs() + 3_600_000 })
  const bindings = await store.bindings.change(line.username, clock.nowMs(), () => [binding])
  store.devices.noteSeen(device.id, clock.nowMs())
  pbx.emit('bindingChanged', { aor: line.username, bindings })
}

t.test('a server that nobody announced is found, and adopted like any device', async (t) => {
  const { box, dect } = start(t)
  const { own } = await plugIn(box)
  t.match(box.store.devices.findByMac(mac.toLowerCase()), {
    kind: 'dect-server',
    vendor: 'Spectralink',
    state: 'found',
    firmware: 'PCS24B',
  })
  const server = box.deviceId(mac.toLowerCase())
  t.strictSame(
    dect.servers.list().map(({ id }) => id),
    [server],
  )
  t.ok(box.provisioning.found.adopt(server, 'admin'))
  const [handset] = await dect.handsets.add(server, [{ ipei: someIpei(1), label: 'Ward 3' }])
  const users = await box.askSecure(`${own}${mac}-users.xml`, { headers })
  t.match(users?.body, new RegExp(`<username>${handset?.line.username}</username>`))
})

t.test('once a handset is registered, every change sends the server for its files', async (t) => {
  const { box, dect } = start(t)
  const server = dect.servers.add({ label: 'Clinic', mac, model: 'IP-DECT Server 400' })
  const [handset] = await dect.handsets.add(server.id, [{ ipei: someIpei(1), label: 'Ward 3' }])
  if (!handset) throw new Error('one was added')
  const { own } = await plugIn(box)
  t.not(own, '', 'the second configuration names the lasting address')
  await register(box, handset)
  await box.settle()
  const told = `${handset.line.username} check-sync;reboot=false`
  t.strictSame(box.pbx.notified.splice(0), [told], 'it still uses its first address')
  const fetch = async (): Promise<string> => {
    const config = await box.askSecure(`${own}${mac}-config.xml`, { headers })
    const users = await box.askSecure(`${own}${mac}-users.xml`, { headers })
    return `${config?.body}${users?.body}`
  }
  t.match(await fetch(), /<subscription_allowed>false</)

  dect.subscription.open(server.id, 60_000)
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told])
  t.match(await fetch(), /<subscription_allowed>true</)
  box.clock.advance(60_000)
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told], 'also when the window ends by the clock')
  t.match(await fetch(), /<subscription_allowed>false</)

  const [second] = await dect.handsets.add(server.id, [{ ipei: someIpei(2), label: 'Ward 4' }])
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told])
  t.match(await fetch(), /Ward 4/)
  dect.handsets.remove(second?.device.id ?? '')
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told])
  t.notMatch(await fetch(), /Ward 4/)

  const user = someUser({ id: 'anna', displayName: 'Anna Albrecht' })
  const signIn = { lineId: handset.line.id, userId: user.id, signedInAtMs: 1, verifiedAtMs: 1 }
  box.store.signIns.save(signIn, user, '{}')
  box.signIn.emit('signedIn', { signIn, user })
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told])
  t.match(await fetch(), /<displayname>Anna Albrecht</)
})

t.test(
  'who merely knows the MAC never gets an account, and nothing at all while people are signed in',
  async (t) => {
    const { box, dect } = start(t)
    const server = dect.servers.add({ label: 'Clinic', mac, model: 'IP-DECT Server 400' })
    const [handset] = await dect.handsets.add(server.id, [{ ipei: someIpei(1), label: 'Ward 3' }])
    if (!handset) throw new Error('one was added')
    const secrets = [
      handset.line.username,
      box.store.lines.password(handset.line.id) ?? '',
      dect.handsets.accessCode(handset.device.id),
    ]
    const leaks = (body: string | undefined): boolean => secrets.some((secret) => body?.includes(secret))
    const stranger = { headers, remoteAddress: '198.51.100.7' }
    for (const name of ['config', 'users']) {
      t.notOk(leaks((await box.ask(`/${mac}-${name}.xml`, { headers }))?.body), name)
    }
    const { first } = await plugIn(box)
    const users = await box.askSecure(`${first}${mac}-users.xml`, stranger)
    t.equal(users?.status, 404, 'the first address is good where it went')
    const other = await box.askSecure(`${first}0090330A0B0D-users.xml`, { headers })
    t.equal(other?.status, 404, 'and for this server')

    box.store.signIns.save(
      { lineId: handset.line.id, userId: 'anna', signedInAtMs: 1, verifiedAtMs: 1 },
      someUser({ id: 'anna' }),
      '{}',
    )
    t.equal((await box.ask(`/${mac}-config.xml`, stranger))?.status, 404)
    t.equal((await box.ask(`/${mac}-users.xml`, stranger))?.status, 404)
  },
)

t.test('a server that handsets already use is given to nobody who asks by its MAC', async (t) => {
  const { box, dect } = start(t)
  const server = dect.servers.add({ label: 'Set up by hand', mac, model: 'IP-DECT Server 400' })
  const [handset] = await dect.handsets.add(server.id, [{ ipei: someIpei(1), label: 'Ward 3' }])
  if (!handset) throw new Error('one was added')
  await register(box, handset)
  const stranger = { headers, remoteAddress: '198.51.100.7' }
  t.equal((await box.ask(`/${mac}-config.xml`, stranger))?.status, 404)
  t.match(box.provisioning.found.refused(), [{ deviceId: server.id, why: 'in-use' }])
})

t.test('“allow again” on a server: nobody stays signed in, and no handset keeps its password', async (t) => {
  const { box, dect } = start(t)
  const server = dect.servers.add({ label: 'Clinic', mac, model: 'IP-DECT Server 400' })
  const handsets = await dect.handsets.add(
    server.id,
    [1, 2].map((index) => ({ ipei: someIpei(index), label: `Ward ${index}` })),
  )
  const [first, second] = handsets
  if (!first || !second) throw new Error('two were added')
  const { own } = await plugIn(box)
  await register(box, first)
  const signIn = { lineId: second.line.id, userId: 'anna', signedInAtMs: 1, verifiedAtMs: 1 }
  box.store.signIns.save(signIn, someUser({ id: 'anna' }), '{}')
  const passwords = handsets.map(({ line }) => box.store.lines.password(line.id))

  const signOut = box.signIn.signOut.bind(box.signIn)
  box.signIn.signOut = (lineId, actor) => {
    box.store.signIns.remove(lineId)
    return signOut(lineId, actor)
  }
  t.ok(await box.provisioning.found.allowAgain(server.id, 'admin'))
  t.ok(box.signIn.actions.includes(`signOut ${second.line.id} admin`))
  for (const [index, { line }] of handsets.entries()) {
    t.not(box.store.lines.password(line.id), passwords[index])
    t.strictSame(box.store.bindings.find(line.username, box.clock.nowMs()), [])
  }
  t.equal((await box.askSecure(`${own}${mac}-config.xml`, { headers }))?.status, 404)
  t.not((await plugIn(box)).own, '', 'the server that was reset gets its files')
})

t.test('strangers do not push a found server with its handsets out of the list', async (t) => {
  const { box, dect } = start(t)
  await plugIn(box)
  const server = box.deviceId(mac.toLowerCase())
  await dect.handsets.add(server, [{ ipei: someIpei(1), label: 'Ward 3' }])
  for (let index = 0; index < 210; index++) {
    box.clock.advance(1)
    const path = `/805ec1${index.toString(16).padStart(6, '0')}.boot`
    const answer = await box.ask(path, { remoteAddress: `198.51.100.${Math.floor(index / 40)}` })
    if (answer?.status !== 200) throw new Error(`${path}: ${answer?.status}`)
  }
  t.ok(box.store.devices.find(server))
  t.equal(dect.handsets.list(server).length, 1)
  t.equal(box.provisioning.found.list().length, 200)
})
