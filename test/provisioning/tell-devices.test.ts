import t from 'tap'
import { TestProvisioning } from './provisioning-fixture.ts'

const mac = '805ec0a1b2c3'

/** A phone that has moved on to its own address and is registered. */
async function startWithPhone(t: ConstructorParameters<typeof TestProvisioning>[0]) {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  await box.askSecure(`${own}${mac}.cfg`)
  await box.register(mac)
  await box.settle()
  box.pbx.notified.length = 0
  const username = box.store.lines.list()[0]?.username ?? ''
  return { box, own, told: `${username} check-sync;reboot=false` }
}

t.test('a burst of changes is one check-sync; a change that changes no file is none', async (t) => {
  const { box, own, told } = await startWithPhone(t)
  // The store has timers of its own.
  const idle = box.clock.pending
  box.provisioning.deviceChanged(box.deviceId(mac))
  box.provisioning.everythingChanged()
  await box.settle()
  t.strictSame(box.pbx.notified, [], 'nothing is different')

  box.provisioning.found.adopt(box.deviceId(mac), 'admin')
  const device = box.store.devices.findByMac(mac)
  if (!device) throw new Error('the phone is gone')
  box.store.devices.save({ ...device, label: 'Reception' })
  box.provisioning.deviceChanged(device.id)
  box.settings.site.timeZone = 'Europe/London'
  box.provisioning.everythingChanged()
  await box.settle()
  t.strictSame(box.pbx.notified, [told])
  box.provisioning.everythingChanged()
  await box.settle()
  t.equal(box.pbx.notified.length, 2, 'until it has fetched them')
  const { body } = (await box.askSecure(`${own}${mac}.cfg`)) ?? { body: '' }
  t.match(body, /Reception/)
  box.provisioning.everythingChanged()
  await box.settle()
  t.equal(box.pbx.notified.length, 2)
  t.equal(box.clock.pending, idle, 'no timer is left')
})

t.test('signing in and out changes the files, and so does a policy', async (t) => {
  const { box, own, told } = await startWithPhone(t)
  const lineId = box.signInOn(mac)
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told])
  t.match((await box.askSecure(`${own}${mac}.cfg`))?.body, /account\.1\.display_name = Anna/)

  box.store.callingPolicies.save({
    ...box.store.callingPolicies.forUser('Anna'),
    scope: 'Global',
    allowCallRedirect: true,
  })
  box.provisioning.everythingChanged()
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told])

  box.store.signIns.remove(lineId)
  box.signIn.emit('signedOut', { lineId, userId: 'Anna' })
  await box.settle()
  t.strictSame(box.pbx.notified, [told])
})

t.test('a phone that has read everything with its first token is sent for the second', async (t) => {
  const box = new TestProvisioning(t)
  const { own } = await box.plugIn(mac)
  await box.register(mac)
  await box.settle()
  t.match(box.pbx.notified, [/check-sync/])
  await box.askSecure(`${own}${mac}.cfg`)
  await box.register(mac)
  await box.settle()
  t.equal(box.pbx.notified.length, 1, 'then it is left in peace')
})

t.test('a phone that is not registered, or has never fetched, is not told', async (t) => {
  const box = new TestProvisioning(t)
  await box.ask(`/${mac}.cfg`)
  box.provisioning.found.adopt(box.deviceId(mac), 'admin')
  await box.settle()
  t.strictSame(box.pbx.notified, [])
})

t.test('a phone that could not be told is told when it registers again, and not for ever', async (t) => {
  const { box, told } = await startWithPhone(t)
  const notify = box.pbx.notify.bind(box.pbx)
  box.pbx.notify = async (username, notification) => ({
    ...(await notify(username, notification)),
    answered: 0,
  })
  box.provisioning.found.adopt(box.deviceId(mac), 'admin')
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told], 'its connection did not survive a restart, for one')
  await box.register(mac)
  await box.settle()
  t.strictSame(box.pbx.notified.splice(0), [told], 'over the new one')
  await box.register(mac)
  await box.settle()
  t.strictSame(box.pbx.notified, [], 'one that does not know check-sync is left in peace')

  box.pbx.notify = notify
  const username = box.store.lines.list()[0]?.username ?? ''
  await box.store.bindings.change(username, box.clock.nowMs(), () => [])
  box.settings.site.timeZone = 'Europe/London'
  box.provisioning.everythingChanged()
  await box.settle()
  t.strictSame(box.pbx.notified, [], 'it is away')
  await box.register(mac)
  await box.settle()
  t.strictSame(box.pbx.notified, [told])
})

t.test('after a restart of the box every phone is told once: what it has is not known', async (t) => {
  const { box, told } = await startWithPhone(t)
  await box.restart()
  box.provisioning.everythingChanged()
  await box.settle()
  t.strictSame(box.pbx.notified, [told])
})

t.test('a phone that was taken back may fetch as if it were new', async (t) => {
  const { box } = await startWithPhone(t)
  const id = box.deviceId(mac)
  box.store.deviceAccess.remove(id)
  t.equal((await box.ask(`/${mac}.cfg`))?.status, 404, 'it has registered before: nobody may')
  box.provisioning.expectAgain(id)
  t.equal((await box.ask(`/${mac}.cfg`))?.status, 200)
})
