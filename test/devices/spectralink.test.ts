import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import t, { type Test } from 'tap'
import { posixTimeZone } from '#src/devices/features/spectralink-values.ts'
import type { DeviceView, LineView } from '#src/devices/device-view.ts'
import { canRender, filesOf, renderFile } from '#src/devices/render.ts'
import { spectralinkAssumptions as assumed } from '#src/devices/vendors/spectralink-undocumented.ts'
import { makeView, secrets } from './view.ts'

const family = 'spectralink-server'
const mac = '0090330a0b0c'

interface Xml {
  [name: string]: string & Xml & Xml[]
}

const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === assumed.users.user,
})

const handset: LineView = {
  username: 'bl482910',
  password: 'handset-password-1',
  label: 'Ward 3',
  displayName: 'Ward 3',
  ipei: '57005 0782068 7',
  accessCode: '048291',
}

function serverView(stage: DeviceView['stage'], change: Parameters<typeof makeView>[1] = {}): DeviceView {
  return makeView(stage, {
    lines: [handset],
    dect: { subscriptionAllowed: false },
    ...change,
    device: { mac, label: 'Ward DECT', model: 'IP-DECT Server 400', ...change.device },
  })
}

function text(name: 'config' | 'users', view: DeviceView): string {
  const body = renderFile({ fileName: `${mac.toUpperCase()}-${name}.xml`, family }, view)?.body ?? ''
  t.equal(XMLValidator.validate(body), true, `${name} is well-formed`)
  return body
}

const config = (view: DeviceView): Xml => (parser.parse(text('config', view)) as { config: Xml }).config
function users(view: DeviceView): Xml[] {
  const root = (parser.parse(text('users', view)) as Xml)[assumed.users.root]
  return (root?.[assumed.users.user] ?? []) as Xml[]
}

function golden(t: Test, name: string, body: string): void {
  const path = join(import.meta.dirname, `../fixtures/spectralink/${name}.xml`)
  // A change that is meant is written with `tap --snapshot` and read in the diff.
  if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(path, body)
  t.equal(body, readFileSync(path, 'utf8'), name)
}

t.test('a server has two files by its own MAC, in any letter case', async (t) => {
  t.ok(canRender(family))
  t.strictSame(filesOf({ family, mac, model: undefined }), [`${mac}-config.xml`, `${mac}-users.xml`])
  const view = serverView('full')
  for (const name of [
    `${mac}-config.xml`,
    `${mac.toUpperCase()}-CONFIG.XML`,
    `${mac.toUpperCase()}-users.xml`,
  ]) {
    t.match(renderFile({ fileName: name, family }, view), { contentType: 'text/xml; charset=utf-8' }, name)
  }
  const others = ['0090330a0b0d-users.xml', `${mac}-users.xml.bak`, `${mac}.cfg`, 'users.xml', '']
  for (const name of others) t.equal(renderFile({ fileName: name, family }, view), undefined, name)
})

t.test('the configuration says where the box is, what time it is and how to speak', async (t) => {
  golden(t, 'server-config', text('config', serverView('full')))
  t.match(config(serverView('full')), {
    dect: { auto_create_users: 'false', subscription_allowed: 'false' },
    provisioning: { server: { method: 'static' }, users: { check: 'true' }, check: { interval: '60' } },
    sip: { proxy: { domain: '192.0.2.10', port: '5060', transport: 'UDPonly' } },
  })
})

t.test('an open window is in the configuration, and makes the server look again soon', async (t) => {
  const open = config(serverView('full', { dect: { subscriptionAllowed: true } }))
  t.equal(open['dect']?.['subscription_allowed'], 'true')
  t.equal(open['provisioning']?.['check']?.['interval'], '5')
})

t.test('each handset is a user with its own account and access code', async (t) => {
  golden(t, 'server-users', text('users', serverView('full')))
  const names = assumed.users
  const signedIn = { displayName: 'Anna Albrecht', number: '+493055501001' }
  const anna = { ...handset, username: 'bl2', displayName: 'Anna Albrecht', signedIn }
  const [first, second] = users(serverView('full', { lines: [handset, anna] }))
  t.match(first, {
    [names.ipei]: '57005 0782068 7',
    [names.accessCode]: '048291',
    [names.username]: 'bl482910',
    [names.authUser]: 'bl482910',
    [names.authPassword]: 'handset-password-1',
    [names.displayName]: 'Ward 3',
    [names.standbyText]: 'Ward 3: *50*',
  })
  t.match(second, {
    [names.displayName]: 'Anna Albrecht',
    [names.standbyText]: 'Anna Albrecht +493055501001',
  })
  t.strictSame(users(serverView('full', { lines: [] })), [], 'a server without handsets has an empty list')
})

t.test('over plain HTTP there is no account, no window and nothing that changes the server', async (t) => {
  const view = serverView('bootstrap', { dect: { subscriptionAllowed: true } })
  const both = text('config', view) + text('users', view)
  for (const secret of [
    handset.password,
    handset.username,
    handset.accessCode ?? '',
    secrets.adminPassword,
  ]) {
    t.notOk(both.includes(secret), secret)
  }
  t.strictSame(users(view), [])
  t.strictSame(
    Object.keys(config(view)).filter((name) => name !== '#text'),
    ['security', 'provisioning'],
  )
  t.equal(config(view)['provisioning']?.['server']?.['url'], view.provisioningUrl)
})

t.test('how its own address is got is never written: nobody loses a server through a file', async (t) => {
  for (const stage of ['bootstrap', 'onboarding', 'full'] as const) {
    t.notMatch(text('config', serverView(stage)), /bootproto|ipaddr|netmask|gateway/i, stage)
  }
})

t.test('UDP while its port is open, else TCP, else TLS with encrypted audio', async (t) => {
  const proxy = (server: Partial<DeviceView['server']>) =>
    config(serverView('full', { server }))['sip']?.['proxy']
  t.match(proxy({}), { port: '5060', transport: assumed.transport.udp })
  t.match(proxy({ udpPort: undefined, tcpPort: 5080 }), { port: '5080', transport: assumed.transport.tcp })
  t.match(proxy({ udpPort: undefined, tcpPort: undefined }), {
    port: '5061',
    transport: assumed.transport.tls,
  })
  const tls = text('config', serverView('full', { server: { udpPort: undefined, tcpPort: undefined } }))
  t.match(tls, /<srtp>/)
  t.notMatch(text('config', serverView('full')), /<srtp>/, 'keys would travel in clear text')
  const none = { udpPort: undefined, tcpPort: undefined, tlsPort: undefined }
  t.throws(
    () => renderFile({ fileName: `${mac}-config.xml`, family }, serverView('full', { server: none })),
    {
      code: 'INVALID',
    },
  )
})

t.test('no name, label or number can break the XML or add an element', async (t) => {
  const hostile = [
    '</displayname></user><user><username>admin</username>',
    '<![CDATA[x]]>',
    ']]>',
    '<!-- x -->',
    '&amp;&lt;&#60;&quot;',
    '&xxe;',
    '" onload="x',
    "'",
    'a\u0000b\u0008c\u001fd\u007fe\u0085f',
    'a\nb\r\nc\td',
    'lone \ud800 surrogate \udfff',
    '\ufffe\uffff',
    '\u202egnirts',
    '<?xml version="1.0"?>',
    '__proto__',
    'ü€𝄞',
    'x'.repeat(100_000),
    '𝄞'.repeat(100),
  ]
  const names = assumed.users
  for (const value of hostile) {
    const lines = [
      { ...handset, label: value, displayName: value },
      { ...handset, displayName: value, signedIn: { displayName: value, number: value } },
    ]
    const [first, second, third] = users(serverView('full', { lines, device: { label: value } }))
    t.equal(third, undefined)
    for (const user of [first, second]) {
      t.strictSame(
        Object.keys(user ?? {}),
        Object.keys(users(serverView('full'))[0] ?? {}),
        value.slice(0, 30),
      )
      t.equal(user?.[names.username], handset.username)
      t.equal(user?.[names.authPassword], handset.password)
      t.ok([...(user?.[names.displayName] ?? '')].length <= 72)
      t.ok([...(user?.[names.standbyText] ?? '')].length <= 72)
      t.notMatch(user?.[names.standbyText] ?? '', /[<>"\\]/)
      t.notMatch(user?.[names.displayName] ?? '', /[\p{Cc}\p{Cs}]/u)
    }
  }
  const [user] = users(serverView('full', { lines: [{ ...handset, displayName: 'Ä & <B> "C" \\ ü€𝄞' }] }))
  t.equal(user?.[names.displayName], 'Ä & <B> "C" \\ ü€𝄞', 'what may stand there arrives as it is')
})

t.test('a secret arrives as it is or not at all', async (t) => {
  const names = assumed.users
  const password = ' &<>"\'ü '
  t.equal(users(serverView('full', { lines: [{ ...handset, password }] }))[0]?.[names.authPassword], password)
  const broken: Partial<LineView>[] = [
    { password: 'a\u0000b' },
    { password: 'a\nb' },
    { username: 'a b' },
    { username: 'a<b' },
    { username: 'a@b' },
    { username: '' },
    { username: 'x'.repeat(73) },
  ]
  for (const change of broken) {
    const view = serverView('full', { lines: [{ ...handset, ...change }] })
    t.throws(() => renderFile({ fileName: `${mac}-users.xml`, family }, view), { code: 'INVALID' })
  }
  const every = "aZ09-_.!~*'()&=+$,;?/"
  t.equal(users(serverView('full', { lines: [{ ...handset, username: every }] }))[0]?.[names.username], every)
})

t.test('zones are told as POSIX wants them: hours west, rules by weekday', async (t) => {
  const table: [string, string | undefined][] = [
    ['Europe/Berlin', 'STD-1DST-2,M3.5.0/02:00:00,M10.5.0/03:00:00'],
    ['America/New_York', 'STD5DST4,M3.2.0/02:00:00,M11.1.0/02:00:00'],
    ['Australia/Adelaide', 'STD-9:30DST-10:30,M10.1.0/02:00:00,M4.1.0/03:00:00'],
    ['Asia/Kolkata', 'STD-5:30'],
    ['UTC', 'STD0'],
    ['Nowhere/Land', undefined],
  ]
  for (const [zone, expected] of table) t.equal(posixTimeZone(zone, 2026), expected, zone)
  const view = serverView('full', { site: { timeZone: 'Nowhere/Land', ntpServers: [] } })
  t.equal(config(view)['network'], '', 'nothing is said where nothing is known')
})
