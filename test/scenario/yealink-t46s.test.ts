import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { XMLParser } from 'fast-xml-parser'
import t, { type Test } from 'tap'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip } from '#test/peers/baresip.ts'
import { YealinkPhone } from '#test/provisioning/yealink-phone.ts'
import { Box } from '#test/support/box.ts'
import { Lab, labNumbers, type LabCall } from '#test/support/lab.ts'
import { allowSipDevices, until } from './office.ts'

// A Yealink T46S from its carton to its first calls: plugged in with nothing but the address of DHCP option 66.

const mac = '805ec0a1b2c3'
const tones = { phone: 440, teams: 1000 }
const box = await Box.prepare({ lab: true })
t.teardown(async () => {
  await box.stop()
  box.remove()
})
await box.start()
await box.logIn()
await allowSipDevices(box)
const lab = await Lab.of(box)
const optionUrl = `http://127.0.0.1:${box.ports.http}/phones/`
const phone = new YealinkPhone({
  mac,
  model: 'T46S',
  commonFile: 'y000000000066.cfg',
  firmware: '66.86.0.15',
  url: optionUrl,
})

interface FoundDevices {
  found: {
    id: string
    label: string
    mac: string
    configured: boolean
    registered: boolean
    from: string | null
  }[]
  window: { closesAtMs: number } | null
  refused: { from: string; why: string }[]
}

interface DeviceRow {
  id: string
  label: string
  mac: string | null
  state: string
  vendor: string | null
  model: string | null
  firmware: string | null
  lines: { id: string; registered: boolean; user: { displayName: string } | null }[]
}

const foundDevices = (): Promise<FoundDevices> => box.json('/api/found-devices')

async function device(): Promise<DeviceRow> {
  const { devices } = await box.json<{ devices: DeviceRow[] }>('/api/devices')
  const row = devices.find((entry) => entry.mac === mac)
  if (!row) throw new Error('the box does not know the phone')
  return row
}

/** The account as the phone reads it in its file, on a real SIP phone that trusts what the phone trusts. */
async function startSipSide(): Promise<Baresip> {
  const account = (name: string): string => phone.setting(`account.1.${name}`)
  t.equal(account('enable'), '1')
  t.equal(account('sip_server.1.transport_type'), '2', 'TLS')
  const sip = new Baresip({
    username: account('user_name'),
    password: account('password'),
    server: `${account('sip_server.1.address')}:${account('sip_server.1.port')}`,
    transport: 'tls',
    toneHz: tones.phone,
    sipTrace: true,
    ...(account('srtp_encryption') === '0' ? {} : { mediaEncryption: 'srtp-mand' as const }),
  })
  const caFile = join(sip.folder, 'trusted.pem')
  writeFileSync(caFile, phone.trusted.join('\n'))
  Object.assign(sip.options, { caFile })
  await sip.start()
  await sip.waitForRegistration()
  return sip
}

/** What stands on the display: the texts of a page, and where its soft keys lead. */
async function display(
  url: string,
): Promise<{ texts: string[]; keys: Map<string, string>; refresh: string }> {
  const reply = await phone.page(url)
  if (reply.status !== 200) throw new Error(`${url}: ${reply.status}`)
  const root = new XMLParser({
    ignoreAttributes: true,
    isArray: (name) => ['Line', 'SoftKey'].includes(name),
  })
  const parsed = root.parse(reply.text) as Record<string, Record<string, unknown>>
  const page = Object.entries(parsed).find(([name]) => name.startsWith('YealinkIPPhone'))?.[1] ?? {}
  const keys = ((page['SoftKey'] ?? []) as { Label: string; URI: string }[]).map(
    ({ Label, URI }) => [String(Label), URI] as const,
  )
  const texts = [...((page['Line'] ?? []) as unknown[]), page['Title'], page['Text']]
  return {
    texts: texts.filter((text) => text !== undefined).map(String),
    keys: new Map(keys),
    refresh: String(reply.headers['refresh'] ?? ''),
  }
}

/** Address behind the key beside the display that opens a page. */
function pageKey(label: RegExp): string {
  for (const [name, value] of phone.settings) {
    const key = /^linekey\.(\d+)\.label$/.exec(name)?.[1]
    if (key === undefined || !label.test(value)) continue
    t.equal(phone.setting(`linekey.${key}.type`), '27', 'the key opens a page')
    return phone.setting(`linekey.${key}.value`)
  }
  throw new Error(`no key says ${String(label)}`)
}

const talk = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1500))

function labCall(wanted: (call: LabCall) => boolean): Promise<LabCall> {
  return until('the lab knows the call', 30_000, async () => (await lab.calls()).find(wanted))
}

function checkSyncs(sip: Baresip): number {
  return [...sip.log.matchAll(/^Event: *check-sync/gim)].length
}

let sip: Baresip

t.test('from the carton: CA by HTTP, then everything by HTTPS, in the order of the device', async (t) => {
  await phone.provision()
  const names = phone.fetches.map(
    ({ url, status }) => `${new URL(url).protocol} ${url.split('/').at(-1)} ${status}`,
  )
  t.strictSame(names, [
    `http: ${mac}.boot 200`,
    'http: y000000000066.cfg 200',
    `http: ${mac}.cfg 200`,
    'http: ca.pem 200',
    `https: ${mac}.boot 200`,
    'https: y000000000066.cfg 200',
    `https: ${mac}.cfg 200`,
    'https: ca.pem 200',
    `https: ${mac}.boot 200`,
    'https: y000000000066.cfg 200',
    `https: ${mac}.cfg 200`,
    'https: ca.pem 200',
  ])
  t.equal(phone.trusted.length, 1)
  t.match(await device(), { state: 'found', vendor: 'Yealink', model: 'T46S', firmware: '66.86.0.15' })
  t.match(await foundDevices(), { found: [{ mac, configured: true, from: '127.0.0.1' }], window: null })
})

t.test('the second round: nothing has changed, and what does not exist is a real 404', async (t) => {
  phone.fetches.length = 0
  await phone.provision()
  t.strictSame(
    phone.fetches.map(({ status, conditional }) => [status, conditional]),
    [
      [304, true],
      [304, true],
      [304, true],
    ],
  )
  for (const name of [`${mac}-local.cfg`, 'y000000000067.rom', '805ec0ffffff.cfg'])
    t.equal((await phone.page(phone.url + name)).status, 404, name)
})

t.test(
  'the account from the file registers over TLS; a found phone may sign in and call for help',
  async (t) => {
    sip = await startSipSide()
    t.match(await foundDevices(), { found: [{ mac, registered: true }] })
    for (const [number, answer] of [
      [labNumbers.echo, /403/],
      ['112', /5\d\d|4\d\d/],
    ] as const) {
      const mark = sip.events.length
      await sip.dial(number)
      t.match((await sip.waitFor('CALL_CLOSED', 30_000, mark)).param, answer, number)
    }
    const { calls } = await box.json<{ calls: { dialled: string; cause: string }[] }>('/api/calls?limit=5')
    t.match(calls, [
      { dialled: '112', cause: 'CALL_EMERGENCY_NO_TRUNK' },
      { dialled: labNumbers.echo, cause: 'CALL_SIGN_IN_FIRST' },
    ])
  },
)

t.test('the admin adopts it, and the phone is told to fetch its configuration', async (t) => {
  const { id } = await device()
  const before = checkSyncs(sip)
  await box.json(`/api/found-devices/${id}/adopt`, { method: 'POST' })
  t.equal((await device()).state, 'onboarded')
  await until('check-sync reaches the phone', 30_000, () => (checkSyncs(sip) > before ? true : undefined))
  t.match(sip.log, /^Event: *check-sync;reboot=false/im)
  phone.fetches.length = 0
  await phone.provision()
  t.equal(phone.fetches.find(({ url }) => url.endsWith(`${mac}.cfg`))?.status, 200, 'the file has changed')
  t.strictSame((await foundDevices()).found, [])
})

t.test('Sign in on the display: address, code and time left; then who is signed in', async (t) => {
  const url = pageKey(/sign in/i)
  const first = await display(url)
  const code = first.texts.find((text) => /^[A-Z0-9-]{8,12}$/.test(text)) ?? ''
  t.ok(
    first.texts.some((text) => text.includes('/devicelogin')),
    'where to go',
  )
  t.ok(
    first.texts.some((text) => /1[45]:\d\d/.test(text)),
    'how long',
  )
  const again = /URL=(.*)$/.exec(first.refresh)?.[1] ?? ''
  t.ok((await display(again)).texts.includes(code), 'looking again shows the same code')
  const pushes = [...sip.log.matchAll(/^Event: *Yealink-xml/gim)].length
  await lab.approve(code, 'anna')
  const done = await until('the display says who is signed in', 30_000, async () => {
    const page = await display(again)
    return page.texts.some((text) => text.includes('Anna Albrecht')) ? page : undefined
  })
  t.ok(done.keys.has('Sign out'))
  await until('the page is pushed', 30_000, () =>
    [...sip.log.matchAll(/^Event: *Yealink-xml/gim)].length > pushes ? true : undefined,
  )
  t.match(await device(), { state: 'signed-in', lines: [{ user: { displayName: 'Anna Albrecht' } }] })
})

t.test('phone to Teams and Teams to phone, encrypted, with sound both ways', async (t) => {
  const mark = sip.events.length
  await sip.dial(labNumbers.echo)
  await sip.waitFor('CALL_ESTABLISHED', 30_000, mark)
  await talk()
  const { media } = await labCall(({ to, state }) => to === labNumbers.echo && state === 'answered')
  t.ok(media.allSrtp && media.receivedPackets > 50, `${media.receivedPackets} packets`)
  await sip.command('hangup')
  await sip.waitFor('CALL_CLOSED', 30_000, mark)
  hears(t, tones.phone, 0.5)

  const ringing = sip.events.length
  await lab.setBehaviour(labNumbers.ben, {
    answer: 'afterMs',
    afterMs: 0,
    audio: 'tone',
    toneHz: tones.teams,
  })
  const { callId } = await lab.placeCall(labNumbers.ben, labNumbers.anna)
  await sip.waitFor('CALL_INCOMING', 30_000, ringing)
  await sip.command('accept')
  await sip.waitFor('CALL_ESTABLISHED', 30_000, ringing)
  await talk()
  const incoming = await labCall((call) => call.callId === callId)
  t.ok(
    Math.abs((incoming.media.heardToneHz ?? 0) - tones.phone) < 15,
    `Teams hears ${incoming.media.heardToneHz} Hz`,
  )
  await lab.hangUp(callId)
  await sip.waitFor('CALL_CLOSED', 30_000, ringing)
  hears(t, tones.teams, 0.95)
})

function hears(t: Test, hz: number, least: number): void {
  const heard = heardTone(sip.heard(), Object.values(tones))
  t.match(heard, { hz }, `the phone hears ${hz} Hz`)
  t.ok((heard?.continuity ?? 0) > least, `without holes: ${heard?.continuity}`)
}

t.test('a change on the page reaches the phone without a restart', async (t) => {
  await phone.provision()
  t.equal(phone.setting('account.1.label'), 'Anna Albrecht')
  const before = checkSyncs(sip)
  const { etag } = await box.json<{ etag: string }>('/api/settings')
  await box.json('/api/settings', {
    method: 'PATCH',
    headers: { 'if-match': etag },
    body: { site: { ntpServers: ['ntp.branch.example'] } },
  })
  await until('check-sync reaches the phone', 30_000, () => (checkSyncs(sip) > before ? true : undefined))
  await phone.provision()
  t.equal(phone.setting('local_time.ntp_server1'), 'ntp.branch.example')
})

t.test('Sign out on the display, after a question', async (t) => {
  const question = await display(pageKey(/sign out/i))
  t.match(question.texts.join(' '), /Anna Albrecht/)
  t.equal((await device()).state, 'signed-in', 'asking does nothing')
  const answer = await display(question.keys.get('Sign out') ?? '')
  t.match(answer.texts.join(' '), /Signed out/)
  t.equal((await device()).state, 'signed-out')
})

t.test('after a factory reset the MAC alone gets nothing, until the admin allows it', async (t) => {
  await sip.stop(true)
  phone.factoryReset(optionUrl)
  phone.fetches.length = 0
  await phone.provision()
  t.strictSame(
    phone.fetches.map(({ status }) => status),
    [404, 404, 404, 404],
    'boot, boot of all, common, own',
  )
  t.match((await foundDevices()).refused, [{ from: '127.0.0.1', why: 'handed-over' }])
  const { id } = await device()
  await box.json(`/api/devices/${id}/allow-again`, { method: 'POST', body: { from: '127.0.0.1' } })
  t.strictSame((await foundDevices()).refused, [])
  await phone.provision()
  t.match(phone.url, /^https:/)
  sip = await startSipSide()
  t.match(await device(), { lines: [{ registered: true }] })
  await sip.stop()
})
