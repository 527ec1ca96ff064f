import t from 'tap'
import type { EnrolmentsView, EnrolmentView, PreviewView } from '#src/api/schema/enrolments.ts'
import type { DeviceView } from '#src/api/schema/devices.ts'
import { prompt } from '#src/media/endpoint/prompts.ts'
import { Baresip } from '#test/peers/baresip.ts'
import { heardTone } from '#test/peers/audio.ts'
import { findSpeech } from '#test/peers/speech.ts'
import { Box } from '#test/support/box.ts'
import { ask } from '#test/support/https.ts'
import { Lab, labNumbers } from '#test/support/lab.ts'
import { allowSipDevices, signIn, until, type OfficeLine } from './office.ts'

// Common area phones on a whole box: announced by one and by file, enrolled by dialling their code on a real phone.

const mac = '001565aabb01'
const userAgent = 'Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:01'

const box = await Box.prepare({ lab: true })
t.teardown(async () => {
  await box.stop()
  box.remove()
})
await box.start()
await box.logIn()
await allowSipDevices(box)
const lab = await Lab.of(box)

/** The file that a T46S fetches for itself, and where it is told to fetch the next one. */
async function fetchConfiguration(base: string): Promise<Map<string, string>> {
  const options = { headers: { 'user-agent': userAgent }, caPem: box.caPem }
  const reply = await ask(`${base}${mac}.cfg`, options)
  if (reply.status !== 200) throw new Error(`${base}: ${reply.status}`)
  const values = reply.text.split('\n').flatMap((line) => {
    const [, key, value] = /^([^#=\s]+) = (.*)$/.exec(line) ?? []
    return key === undefined || value === undefined ? [] : [[key, value] as const]
  })
  return new Map(values)
}

async function device(): Promise<DeviceView> {
  const { devices } = await box.json<{ devices: DeviceView[] }>('/api/devices')
  const found = devices.find((each) => each.mac === mac)
  if (!found) throw new Error(`no device has ${mac}`)
  return found
}

interface Logged {
  dialled: string
  cause: string
  explanation: string
}

/** Dials, listens until the box hangs up (or only to its first words), and reads what the call log says of it. */
async function dial(
  phone: Baresip,
  text: string,
  listen: 'to the end' | 'briefly' = 'to the end',
): Promise<Logged> {
  const before = (await calls()).length
  const mark = phone.events.length
  await phone.dial(text)
  await phone.waitFor('CALL_ESTABLISHED', 30_000, mark)
  if (listen === 'briefly') await phone.command('hangup')
  await phone.waitFor('CALL_CLOSED', 30_000, mark)
  return until('the call is in the log', 30_000, async () => {
    const now = await calls()
    return now.length > before ? now[0] : undefined
  })
}

const calls = async (): Promise<Logged[]> =>
  (await box.json<{ calls: Logged[] }>('/api/calls?limit=50')).calls

let phone: Baresip | undefined
let line: OfficeLine | undefined
let lastingUrl = ''
t.teardown(() => phone?.stop())

t.test(
  'a factory-new phone asks for its configuration and is found; nobody has vouched for it',
  async (t) => {
    const first = await fetchConfiguration(`http://127.0.0.1:${box.ports.http}/`)
    const second = await fetchConfiguration(first.get('static.auto_provision.server.url') ?? '')
    lastingUrl = second.get('static.auto_provision.server.url') ?? ''
    const username = second.get('account.1.user_name') ?? ''
    const password = second.get('account.1.password') ?? ''
    const { id, state, lines } = await device()
    t.equal(state, 'found')
    t.equal(lines[0]?.username, username)
    line = { deviceId: id, lineId: lines[0]?.id ?? '', username, password }
    phone = await new Baresip({
      username,
      password,
      server: `127.0.0.1:${box.ports.tls}`,
      transport: 'tls',
      mediaEncryption: 'srtp-mand',
      toneHz: 440,
    }).start()
    await phone.waitForRegistration()
  },
)

t.test('wrong codes are refused in a sentence, spoken and written', async (t) => {
  if (!phone) return t.fail('no phone')
  const announced = await box.json<{ enrolments: EnrolmentView[] }>('/api/enrolments', {
    body: {
      devices: [
        { address: '00:15:65:AA:BB:01', label: 'Lobby', location: 'Ground floor, left' },
        { address: '00:15:65:AA:BB:02', label: 'Canteen', location: 'Second floor' },
      ],
    },
  })
  const codes = announced.enrolments.map(({ code }) => code ?? '')
  const wrong = codes.includes('10000000') ? '10000001' : '10000000'
  const unknown = await dial(phone, `*55*${wrong}`)
  t.match(unknown, {
    dialled: '*55*',
    cause: 'FEATURE_FAILED',
    explanation: 'No device has this code; it was dialled on the one with the address 00:15:65:AA:BB:01.',
  })
  t.ok(findSpeech(phone.heard(), prompt('enrol-wrong-code')), 'the phone says so')

  const others = await dial(phone, `*55*${codes[1]}`, 'briefly')
  t.match(others.explanation, /^The code belongs to “Canteen” \(00:15:65:AA:BB:02\), not to the device/)
  t.match(await device(), { state: 'found', label: 'Yealink T46S (aabb01)' })
})

t.test(
  'the right code enrols it: a spoken confirmation, name and place, the full configuration',
  async (t) => {
    if (!phone || !line) return t.fail('no phone')
    const { enrolments } = await box.json<EnrolmentsView>('/api/enrolments')
    const own = enrolments.find((each) => each.mac === mac)
    t.match(own, { state: 'waiting', device: { state: 'found', model: 'T46S' } })
    const done = await dial(phone, `*55*${own?.code}`)
    t.match(done, {
      dialled: '*55*',
      cause: 'FEATURE_DONE',
      explanation: 'The device was enrolled as “Lobby”, Ground floor, left.',
    })
    t.ok(findSpeech(phone.heard(), prompt('enrolled')), 'the phone confirms it')
    t.notOk(findSpeech(phone.heard(), prompt('enrol-wrong-code')), 'and says nothing else')
    t.match(await device(), { state: 'onboarded', label: 'Lobby', location: 'Ground floor, left' })
    const now = await fetchConfiguration(lastingUrl)
    t.equal(now.get('account.1.label'), 'Lobby', 'what the phone fetches next names it')

    const again = await dial(phone, `*55*${own?.code}#`)
    t.match(again.explanation, /^The code was used already/)
    t.ok(findSpeech(phone.heard(), prompt('enrol-used')))
  },
)

t.test('the admin signs its account in, and it calls', async (t) => {
  if (!phone || !line) return t.fail('no phone')
  await signIn(box, lab, line, 'anna')
  t.equal((await device()).state, 'signed-in')
  const mark = phone.events.length
  await phone.dial(labNumbers.echo)
  await phone.waitFor('CALL_ESTABLISHED', 30_000, mark)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await phone.command('hangup')
  await phone.waitFor('CALL_CLOSED', 30_000, mark)
  t.match(heardTone(phone.heard(), [440, 1000]), { hz: 440 }, 'the phone heard its echo')
})

t.test('off-boarded: what the phone knows is worth nothing; reset, it is found again', async (t) => {
  if (!phone || !line) return t.fail('no phone')
  await box.json(`/api/devices/${line.deviceId}/off-board`, { method: 'POST' })
  t.match(await device(), { state: 'off-boarded', lines: [{ registered: false, user: null }] })
  const mark = phone.events.length
  await phone.dial('*50*')
  t.match((await phone.waitFor('CALL_CLOSED', 30_000, mark)).param, /403/, 'its password opens nothing')
  await t.rejects(fetchConfiguration(lastingUrl), /404/, 'nor does its address')

  const first = await fetchConfiguration(`http://127.0.0.1:${box.ports.http}/`)
  const second = await fetchConfiguration(first.get('static.auto_provision.server.url') ?? '')
  const password = second.get('account.1.password')
  t.ok(
    password !== undefined && password !== line.password,
    'the reset phone gets an account with another password',
  )
  t.equal((await device()).state, 'found', 'and waits until somebody vouches for it')
})

t.test('a file of 30 rows, 3 of them broken: each explained, 27 announced', async (t) => {
  const rows = Array.from({ length: 30 }, (_, index) => {
    const octet = String(index + 10)
    return `00-15-65-CC-00-${octet};Corridor ${index + 1};"Building A; floor ${(index % 4) + 1}"`
  })
  rows[4] = '00-15-65-CC-00;Corridor 5;Building A'
  rows[11] = rows[2] ?? ''
  rows[22] = '00-15-65-CC-00-32;Corridor 23;'
  const file = Buffer.from(`\uFEFFMAC id;Name;Location\r\n${rows.join('\r\n')}\r\n`)
  const preview = await box.json<PreviewView>('/api/enrolments/preview', {
    body: file,
    headers: { 'content-type': 'text/csv' },
  })
  t.equal(preview.good.length, 27)
  t.same(preview.broken, [
    {
      line: 6,
      address: '00-15-65-CC-00',
      text: '“00-15-65-CC-00” is neither a MAC address (twelve hexadecimal digits) nor an IPEI (13 characters).',
    },
    { line: 13, address: '00-15-65-CC-00-12', text: 'The same device stands in line 4 already.' },
    { line: 24, address: '00-15-65-CC-00-32', text: 'The location is missing.' },
  ])
  const before = (await box.json<EnrolmentsView>('/api/enrolments')).enrolments.length
  const devices = preview.good.map(({ address, label, location }) => ({ address, label, location }))
  const { enrolments } = await box.json<{ enrolments: EnrolmentView[] }>('/api/enrolments', {
    body: { devices },
  })
  t.equal(new Set(enrolments.map(({ code }) => code)).size, 27, 'each has a code of its own')
  t.match(enrolments[0], { mac: '001565cc0010', label: 'Corridor 1', location: 'Building A; floor 1' })
  t.equal((await box.json<EnrolmentsView>('/api/enrolments')).enrolments.length, before + 27)

  await box.stop()
  await box.start()
  await box.logIn()
  const codes = (await box.ask('/api/enrolments/codes.csv')).text
  const first = enrolments[0]?.code ?? ''
  t.ok(codes.includes('\r\n00:15:65:CC:00:10,"Building A; floor 1",Corridor 1,'), 'kept over a restart')
  t.ok(codes.includes(`,${first},*55*${first},waiting,`), 'with the same codes')
})
