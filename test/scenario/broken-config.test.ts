import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import t from 'tap'
import { freePort } from '#test/peers/free-port.ts'
import { Box, type Health } from '#test/support/box.ts'
import { RawPhone } from '#test/support/raw-phone.ts'
import { until } from '#test/support/until.ts'
import { addPhone, type OfficeLine } from './office.ts'

// One box, broken in one way after the other; at the end it is mended and everything is back.

const box = await Box.prepare({ lab: false })
const sound = readFileSync(box.configFile, 'utf8')
const { udp, https, http } = box.ports
let line: OfficeLine
t.teardown(async () => {
  await box.stop()
  box.remove()
})

/** Starts the box on this configuration and waits until it says what is wrong. */
async function startBroken(config: string): Promise<Health> {
  box.writeConfig(config)
  box.launch()
  return box.waitForHealth(
    ({ parts }) => parts.some(({ name, state }) => name === 'calls' && state !== 'starting'),
    30_000,
  )
}

function partOf(health: Health, name: string): Health['parts'][number] {
  const part = health.parts.find((one) => one.name === name)
  if (!part) throw new Error(`health does not name ${name}`)
  return part
}

function changed(change: (document: Record<string, Record<string, unknown>>) => void): string {
  const document = JSON.parse(sound) as Record<string, Record<string, unknown>>
  change(document)
  return JSON.stringify(document)
}

/** The phone's contacts as a stranger to the box sees them: by REGISTER alone. */
async function askForContacts(): Promise<string[] | undefined> {
  const phone = await RawPhone.open(line.username, line.password, udp)
  try {
    return await phone.register(undefined)
  } finally {
    phone.close()
  }
}

const contact = 'sip:reception@127.0.0.1:40123'

t.test('a box that works: claimed, with a registered phone, its page ports saved', async (t) => {
  await box.start()
  await box.logIn()
  line = await addPhone(box, 'Reception')
  const phone = await RawPhone.open(line.username, line.password, udp)
  t.strictSame(await phone.register(contact), [contact])
  phone.close()
  const { etag } = await box.json<{ etag: string }>('/api/settings')
  const patch = (page: object) =>
    box.ask('/api/settings', { method: 'PATCH', body: { page }, headers: { 'if-match': etag } })
  t.match((await patch({ httpsPort: 9443 })).json(), {
    code: 'CONFIG_INVALID',
    advice: `Change it in ${box.configFile}.`,
  })
  t.equal((await patch({ httpsPort: https, httpPort: http })).status, 200)
  t.equal(await box.stop(), 0)
})

t.test('a file that is not JSON: the page is where it was and names the file', async (t) => {
  const health = await startBroken(sound.replace('"sip": {', '"sip": {{'))
  t.equal(health.state, 'failed')
  const settings = partOf(health, 'settings')
  t.equal(settings.state, 'failed')
  t.ok(settings.detail.startsWith(`${box.configFile} cannot be read: `), settings.detail)
  t.match(settings.advice, 'must hold JSON; a comma or a quote is probably missing or too many')
  t.match(partOf(health, 'store').state, 'ok')
  t.match(partOf(health, 'calls'), { state: 'failed', advice: /settings/ })
  t.match(await box.json('/api/session'), { claimed: true }, 'the owner is still the owner')
  await box.logIn()
  t.match(await box.json('/api/devices'), { devices: [{ label: 'Reception' }] })
  t.match((await box.ask('/api/calls/live')).json(), { code: 'PART_NOT_RUNNING' })
  t.match(
    (await box.ask('/api/settings')).json(),
    { code: 'CONFIG_UNREADABLE' },
    'the settings page says why',
  )
  await until(() => box.said.includes('settings failed: '))
  t.match(box.said, /settings failed: .*config\.json cannot be read/, 'the console says it too')
  t.equal(await box.stop(), 0)
})

t.test('unknown fields and wrong types: each named with its file and how to mend it', async (t) => {
  const health = await startBroken(
    changed((document) => {
      document['sip'] = { ...document['sip'], udpPrt: 5060, ringTimeoutS: 'long' }
      document['media'] = { portMin: 20_000, portMax: 20_001 }
    }),
  )
  const { state, detail, advice } = partOf(health, 'settings')
  t.equal(state, 'failed')
  t.match(detail, `sip.udpPrt (${box.configFile}): There is no such setting. Did you mean sip.udpPort?`)
  t.match(detail, `sip.ringTimeoutS (${box.configFile}): "long" is not allowed here: expected a whole number`)
  t.equal(advice, `Correct sip.udpPrt in ${box.configFile}, sip.ringTimeoutS in ${box.configFile}.`)
  t.equal(await box.stop(), 0)
})

t.test('SIP port taken and rtpengine silent: both named, the page and the rest are up', async (t) => {
  const squatter = createSocket('udp4')
  squatter.bind(0, '127.0.0.1')
  await once(squatter, 'listening')
  const taken = squatter.address().port
  const silent = await freePort()
  const health = await startBroken(
    changed((document) => {
      document['sip'] = { ...document['sip'], udpPort: taken }
      document['media'] = { relay: 'rtpengine', rtpengine: { host: '127.0.0.1', port: silent } }
    }),
  )
  squatter.close()
  const sip = partOf(health, 'sip')
  t.equal(sip.state, 'failed')
  t.match(sip.detail, `UDP port ${taken} on 127.0.0.1`)
  t.match(sip.advice, /another SIP port/)
  const media = partOf(health, 'media')
  t.equal(media.state, 'failed')
  t.match(media.detail, `127.0.0.1:${silent}`)
  t.match(media.advice, /rtpengine/)
  t.match(partOf(health, 'calls'), { state: 'failed', detail: /sip/ })
  for (const name of ['store', 'settings', 'certificate', 'page'])
    t.equal(partOf(health, name).state, 'ok', name)
  await box.logIn()
  t.match(await box.json('/api/status'), { callsRunning: false, counts: { devices: 1 } })
  t.equal(await box.stop(), 0)
})

t.test('the port of the page itself is taken: a clear sentence, and the process ends', async (t) => {
  const squatter = createServer().listen(https, '127.0.0.1')
  await once(squatter, 'listening')
  box.writeConfig(sound)
  box.launch()
  t.equal(await box.ended, 1)
  squatter.close()
  t.match(
    box.output,
    `Branchline cannot start: Port ${https} for the setup page (HTTPS) is taken by another program.\n` +
      `Stop the program that listens on ${https}, or choose another page.httpsPort.`,
  )
})

t.test('mended: everything is back, the phone rings without registering again', async (t) => {
  box.writeConfig(sound)
  await box.start()
  await box.logIn()
  t.strictSame(await askForContacts(), [contact])
  t.match(await box.json('/api/devices'), {
    devices: [{ label: 'Reception', lines: [{ registered: true }] }],
  })
})
