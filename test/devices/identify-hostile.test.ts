import t from 'tap'
import { identifyDevice, type DeviceEvidence } from '#src/devices/identify.ts'
import { threadCpuMs } from '#test/support/cpu-time.ts'

const long = (text: string, times: number): string => text.repeat(times)

/** What no device of ours sends; each must be unknown. */
const userAgents: Record<string, string> = {
  empty: '',
  browser: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  curl: 'curl/8.5.0',
  scanner: 'Mozilla/5.0 zgrab/0.x',
  'sip scanner': 'friendly-scanner',
  'brand alone': 'Yealink',
  'brand and model alone': 'Yealink SIP-T46S',
  'no version': 'Yealink SIP-T46S  00:15:65:aa:bb:cc',
  'three-part version': 'Yealink SIP-T46S 66.85.0 00:15:65:aa:bb:cc',
  'truncated MAC': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb',
  'MAC too long': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc:dd',
  'MAC of zeros': 'Yealink SIP-T46S 66.85.0.5 00:00:00:00:00:00',
  'broadcast MAC': 'Yealink SIP-T46S 66.85.0.5 ff:ff:ff:ff:ff:ff',
  'group MAC': 'Yealink SIP-T46S 66.85.0.5 01:15:65:aa:bb:cc',
  'MAC with other separators': 'Yealink SIP-T46S 66.85.0.5 00-15-65-aa-bb-cc',
  'not hexadecimal': 'Yealink SIP-T46S 66.85.0.5 00:15:65:gg:bb:cc',
  'text behind': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc <script>',
  'text before': 'X Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc',
  'two devices': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc 00:15:65:aa:bb:cd',
  'look-alike with a Cyrillic letter': 'Ye\u0430link SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc',
  'Arabic-Indic digits': 'Yealink SIP-T46S \u0666\u0666.85.0.5 00:15:65:aa:bb:cc',
  'full-width digits': 'Yealink SIP-T46S \uff16\uff16.85.0.5 00:15:65:aa:bb:cc',
  'dotless i': 'Yeal\u0131nk SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc',
  'Kelvin sign': 'Yealin\u212a SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc',
  'header injection': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc\r\nX-Admin: 1',
  'bare line feed': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc\n',
  'NUL inside': 'Yealink SIP-T46S\u0000 66.85.0.5 00:15:65:aa:bb:cc',
  'escape sequence': '\u001b[2JYealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc',
  'tab for a space': 'Yealink\tSIP-T46S 66.85.0.5 00:15:65:aa:bb:cc',
  'zero-width space': 'Yealink SIP-T46S\u200b 66.85.0.5 00:15:65:aa:bb:cc',
  'traversal for a model': 'Yealink SIP-../../etc 66.85.0.5 00:15:65:aa:bb:cc',
  'query for a model': "Yealink SIP-T46S' OR 1=1-- 66.85.0.5 00:15:65:aa:bb:cc",
  'a megabyte of spaces': `Yealink${long(' ', 1_000_000)}SIP-T46S 66.85.0.5`,
  'a megabyte of digits': `Yealink SIP-T46S ${long('9', 1_000_000)}.1.1.1`,
  'bait of dots': `OBIHAI/OBi202-${long('1.', 90)}`,
  'bait of dots with an end': `OBIHAI/OBi202-${long('1.', 90)}x`,
  'bait for the Cisco version': `Cisco-CP-8841-3PCC/1${long('-1', 95)}_`,
  'bait of UUIDs': `Cisco-CP-8841-3PCC/11.0_${long('11111111-2222-3333-4444-555555555555_', 4)}`,
  'bait of brands': long('Polycom/5.5.2.8571 ', 10),
  'bait for the loose version of Spectralink': `${long('PCS', 60)}22`,
  'version glued to a word': 'fooPCS22Abar',
  'Poly without a transport': 'PolycomVVX-VVX_450/5.9.1.0615',
  'Poly of an unknown type': 'FileTransport PolycomVVX-VVX_450-UA/5.9.1.0615 Type/Evil',
  'Cisco enterprise': 'Cisco-CP8841/14.2.1',
  'AudioCodes cut short': 'AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC',
  'Gigaset without its MAC': 'Gigaset N870 IP PRO/83.V2.11.0+build.a546b91;',
  'Snom look-alike': 'Mozilla/4.0 (compatible; Snom M900 05.20.0001 000413b6068)',
  'prototype words': '__proto__ constructor toString',
}

const paths: Record<string, string> = {
  root: '/',
  'a page': '/index.html',
  traversal: '/../../etc/passwd',
  'traversal to a name that would do': '/../001565aabbcc.boot',
  'a dot segment': '/./001565aabbcc.boot',
  'encoded traversal': '/%2e%2e/001565aabbcc%2eboot',
  'encoded NUL': '/001565aabbcc.boot%00.png',
  'NUL inside': '/001565aabbcc.boot\u0000',
  'line feed inside': '/001565aabbcc.boot\n',
  backslashes: '\\001565aabbcc.boot\\..\\..\\x',
  'eleven digits': '/00156aabbccd'.slice(0, 12) + '.boot',
  'thirteen digits': '/001565aabbccd.boot',
  'not hexadecimal': '/001565aabbcg.boot',
  'zeros with an own file': '/000000000000.boot',
  broadcast: '/ffffffffffff.boot',
  'group address': '/010203040506.cfg',
  'full-width digits': '/\uff10\uff10\uff11\uff15\uff16\uff15aabbcc.boot',
  'another ending': '/001565aabbcc.cfg.bak',
  'two endings': '/001565aabbcc.boot.cfg',
  'a MAC of no brand of ours': '/d811220000ff.cfg',
  'a common file of a strange width': '/y0000000066.cfg',
  'a common file with letters': '/y0000000000ff.cfg',
  'another Cisco': '/CP-9999-3PCC.xml',
  'longer than any': `/${long('a/', 400)}001565aabbcc.boot`,
  'a long last name': `/${long('0', 100_000)}.cfg`,
}

t.test('hostile User-Agents are unknown over HTTP and over SIP', async (t) => {
  const entries = Object.entries(userAgents)
  t.ok(entries.length >= 40, `${entries.length} of them`)
  for (const [name, userAgent] of entries) {
    t.equal(identifyDevice({ userAgent }), undefined, name)
    t.equal(identifyDevice({ sipUserAgent: userAgent }), undefined, `${name}, over SIP`)
  }
})

t.test('hostile paths are unknown', async (t) => {
  for (const [name, path] of Object.entries(paths)) t.equal(identifyDevice({ path }), undefined, name)
  t.ok(Object.keys(paths).length >= 20)
})

t.test('a hostile field takes nothing away from an honest one, and adds nothing to it', async (t) => {
  const path = '/001565aabbcc.boot'
  for (const [name, userAgent] of Object.entries(userAgents)) {
    const device = identifyDevice({ path, userAgent })
    t.match(device, { vendor: 'Yealink', mac: '001565aabbcc', grade: 'path', conflict: undefined }, name)
    t.equal(device?.firmware, undefined)
  }
  const agent = 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:cc'
  const others: DeviceEvidence[] = [
    { query: 'mac=../../x' },
    { query: 'mac=001565aabbcc&mac=001565aabbcd' },
    { query: `mac=${long('0', 600)}` },
    { pnp: { vendor: 'yealink', model: '../T46S', version: '66.85.0.5' } },
    { pnp: { vendor: 'yealink', model: 'T46S', version: '66.85.0.5\r\nX: y' } },
    { pnp: { uri: `sip:MAC${long('0', 12)}@224.0.1.75` } },
    { certificateSubject: `O=Yealink, CN=${long('0', 2000)}` },
    { certificateSubject: 'O=Yealink\u0000, CN=001565aabbcd' },
  ]
  for (const evidence of others) {
    const device = identifyDevice({ userAgent: agent, ...evidence })
    t.match(device, { model: 'T46S', mac: '001565aabbcc', grade: 'user-agent', conflict: undefined })
  }
})

t.test('ten thousand hostile requests cost less than a second', async (t) => {
  const texts = [...Object.values(userAgents), ...Object.values(paths)]
  const startedAtMs = threadCpuMs()
  for (let index = 0; index < 10_000; index++) {
    const text = texts[index % texts.length] ?? ''
    identifyDevice({ userAgent: text, sipUserAgent: text, path: text, query: text, pnp: { uri: text } })
  }
  const tookMs = threadCpuMs() - startedAtMs
  t.ok(tookMs < 1000, `${Math.round(tookMs)} ms`)
})
