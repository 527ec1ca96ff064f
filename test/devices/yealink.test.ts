import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { DeviceStage, DeviceView } from '#src/devices/device-view.ts'
import { filesOf, renderFile } from '#src/devices/render.ts'
import { makeView, readYealinkFile, secrets } from './view.ts'

const mac = '001565aabbcc'
const common = 'y000000000066.cfg'
const stages: DeviceStage[] = ['bootstrap', 'onboarding', 'full']

function bodyOf(fileName: string, view: DeviceView): string {
  const file = renderFile({ fileName, family: 'yealink' }, view)
  if (!file) throw new TypeError(fileName)
  return file.body
}

const device = (view: DeviceView): Map<string, string> => readYealinkFile(bodyOf(`${mac}.cfg`, view))

t.test('a T46S asks for its files in this order, in any letter case, and for no other’s', async (t) => {
  const names = filesOf({ family: 'yealink', mac, model: 'T46S' })
  t.same(names, [`${mac}.boot`, 'y000000000000.boot', common, `${mac}.cfg`])
  const view = makeView('full')
  const kinds = names.map((fileName) => renderFile({ fileName, family: 'yealink' }, view)?.kind)
  t.same(kinds, ['boot', 'boot', 'common', 'device'])
  for (const fileName of ['001565AABBCC.CFG', '001565aabbcc.BOOT', 'Y000000000066.cfg']) {
    t.ok(renderFile({ fileName, family: 'yealink' }, view), fileName)
  }
  const others = [
    ...['001565aabbcd.cfg', '001565aabbcc.cfg ', '001565aabbcc-local.cfg', '001565aabbcc.cfg.bak'],
    ...['y00000000066.cfg', 'y0000000000660.cfg', 'y000000000abc.cfg', '', 'x'.repeat(10_000)],
  ]
  for (const fileName of others) {
    t.equal(renderFile({ fileName, family: 'yealink' }, view), undefined, fileName.slice(0, 30))
  }
  t.equal(renderFile({ fileName: `${mac}.cfg`, family: 'cisco-mpp' }, view), undefined)
  t.equal(renderFile({ fileName: `${mac}.cfg`, family: undefined }, view), undefined)
  t.same(filesOf({ family: 'cisco-mpp', mac, model: '8841' }), [])
})

t.test('the boot file includes the CA’s file before the account’s', async (t) => {
  for (const stage of stages) {
    const body = bodyOf(`${mac}.boot`, makeView(stage))
    const included = [...body.matchAll(/^include:config "(.+)"$/gm)].map((match) => match[1])
    t.same(included, [common, `${mac}.cfg`], stage)
    t.ok(body.startsWith('#!version:1.0.0.1\n'))
    t.match(body, stage === 'bootstrap' ? /^overwrite_mode = 0$/m : /^overwrite_mode = 1$/m)
    const first = readYealinkFile(bodyOf(common, makeView(stage)))
    t.equal([...first.keys()][0], 'static.trusted_certificates.url')
    t.equal(
      first.get('static.trusted_certificates.url'),
      stage === 'bootstrap' ? 'http://192.0.2.10:8080/ca.pem' : 'https://192.0.2.10:8443/ca.pem',
      'once over HTTP, then over what it made trustworthy',
    )
    t.equal(first.get('static.security.trust_certificates'), '1')
  }
})

t.test(
  'over plain HTTP nothing of an account is written, and only the device’s file has its token',
  async (t) => {
    for (const name of filesOf({ family: 'yealink', mac, model: 'T46S' })) {
      const body = bodyOf(name, makeView('bootstrap'))
      for (const secret of [
        secrets.password,
        secrets.adminPassword,
        secrets.pageToken,
        'line7k2m',
        'Reception',
      ]) {
        t.notOk(body.includes(secret), `${name} has no ${secret}`)
      }
      t.equal(body.includes(secrets.provisioningToken), name === `${mac}.cfg`, name)
    }
    const settings = device(makeView('bootstrap'))
    t.equal(
      settings.get('static.auto_provision.server.url'),
      `https://192.0.2.10:8443/p/${secrets.provisioningToken}/`,
    )
    t.equal(settings.get('static.auto_provision.repeat.minutes'), '1', 'it comes back at once over HTTPS')
    t.notOk([...settings.keys()].some((key) => key.startsWith('account.')))
  },
)

t.test('the account: TLS, SRTP, codecs, digits, messages', async (t) => {
  for (const stage of ['onboarding', 'full'] as const) {
    const settings = device(makeView(stage))
    const expected: Record<string, string> = {
      'account.1.enable': '1',
      'account.1.user_name': 'line7k2m',
      'account.1.auth_name': 'line7k2m',
      'account.1.password': secrets.password,
      'account.1.sip_server.1.address': '192.0.2.10',
      'account.1.sip_server.1.port': '5061',
      'account.1.sip_server.1.transport_type': '2',
      'account.1.srtp_encryption': '2',
      'account.1.codec.pcma.priority': '1',
      'account.1.codec.pcmu.priority': '2',
      'account.1.codec.g722.priority': '3',
      'account.1.codec.opus.enable': '0',
      'account.1.codec.g729.enable': '0',
      'account.1.dtmf.type': '1',
      'account.1.subscribe_mwi': '1',
      'voice_mail.number.1': '*99*',
      'account.2.enable': '0',
      'account.2.password': '%NULL%',
      'account.16.enable': '0',
      'static.security.user_password': `admin:${secrets.adminPassword}`,
      'static.auto_provision.pnp_enable': '0',
      'static.auto_provision.dhcp_option.enable': '0',
    }
    for (const [key, value] of Object.entries(expected)) t.equal(settings.get(key), value, `${stage}: ${key}`)
    t.notOk(settings.has('account.17.enable'), 'a T46S has sixteen accounts')
  }
  t.notOk(device(makeView('full', { adminPassword: undefined })).has('static.security.user_password'))
})

t.test('without the TLS door the account falls back, and never sends keys in the clear', async (t) => {
  const tcp = device(makeView('full', { server: { tlsPort: undefined, tcpPort: 5070 } }))
  t.equal(tcp.get('account.1.sip_server.1.transport_type'), '1')
  t.equal(tcp.get('account.1.sip_server.1.port'), '5070')
  t.equal(tcp.get('account.1.srtp_encryption'), '0')
  const udp = device(makeView('full', { server: { tlsPort: undefined, tcpPort: undefined } }))
  t.equal(udp.get('account.1.sip_server.1.transport_type'), '0')
  t.equal(udp.get('account.1.sip_server.1.port'), '5060')
})

t.test('a phone that nobody has adopted says so and has keys to sign in and to enrol only', async (t) => {
  const settings = device(makeView('onboarding', { callForwardingAllowed: true }))
  t.equal(settings.get('account.1.label'), 'Noch nicht freigegeben')
  t.same(keysOf(settings), ['15', '27', '40', '0', '0', '0'])
  t.equal(settings.get('linekey.3.value'), '*55*')
  t.equal(settings.get('features.fwd.allow'), '0')
  t.equal(settings.get('features.dnd.allow'), '0')
})

t.test('the sign-in key leads to the box’s screen, and signs out whoever is signed in', async (t) => {
  const before = device(makeView('full'))
  t.equal(before.get('linekey.2.type'), '27')
  t.equal(before.get('linekey.2.value'), `https://192.0.2.10:8443/s/${secrets.pageToken}/sign-in.xml`)
  t.equal(before.get('linekey.2.label'), 'Anmelden')
  t.equal(before.get('programablekey.2.value'), before.get('linekey.2.value'), 'also on the idle soft key')
  const [line] = makeView('full').lines
  if (!line) throw new TypeError('no line')
  const after = device(
    makeView('full', {
      lines: [{ ...line, signedIn: { displayName: 'Anna Schmidt', number: '+49305550101' } }],
      callForwardingAllowed: true,
    }),
  )
  t.equal(after.get('linekey.2.value'), `https://192.0.2.10:8443/s/${secrets.pageToken}/sign-out.xml`)
  t.equal(after.get('linekey.2.label'), 'Abmelden')
  t.equal(after.get('account.1.label'), 'Anna Schmidt')
  t.equal(after.get('account.1.display_name'), 'Anna Schmidt')
  t.same(keysOf(after), ['15', '27', '13', '5', '2', '0'])
  t.equal(after.get('linekey.3.value'), '*99*')
})

t.test(
  'do not disturb and forwarding are the phone’s own; forwarding only where the policy allows it',
  async (t) => {
    const allowed = device(makeView('full', { callForwardingAllowed: true }))
    t.equal(allowed.get('features.dnd.allow'), '1')
    t.equal(allowed.get('features.dnd.on_code'), '%NULL%', 'nothing is dialled: Teams keeps its own status')
    t.equal(allowed.get('features.fwd.allow'), '1')
    t.notOk(allowed.has('forward.always.enable'), 'what the person set stays')
    const denied = device(makeView('full', { callForwardingAllowed: false }))
    t.equal(denied.get('features.fwd.allow'), '0')
    for (const name of ['always', 'busy', 'no_answer']) t.equal(denied.get(`forward.${name}.enable`), '0')
    t.same(keysOf(denied), ['15', '27', '13', '5', '0', '0'])
  },
)

t.test('phones with few keys or accounts get what matters most', async (t) => {
  const counts: [model: string, keys: number, accounts: number][] = [
    ['T30P', 0, 1],
    ['T21P_E2', 2, 2],
    ['T40P', 3, 3],
    ['T48S', 6, 16],
  ]
  for (const [model, keys, accounts] of counts) {
    const settings = device(makeView('full', { device: { model } }))
    t.equal(keysOf(settings).length, keys, `${model}: keys`)
    t.equal([...settings.keys()].filter((key) => /^account\.\d+\.enable$/.test(key)).length, accounts)
    t.ok(settings.get('programablekey.2.value')?.endsWith('/sign-in.xml'), `${model}: idle soft key`)
  }
  const [line] = makeView('full').lines
  if (!line) throw new TypeError('no line')
  const three = [line, { ...line, username: 'second' }, { ...line, username: 'third' }]
  const small = device(makeView('full', { lines: three, device: { model: 'T21P_E2' } }))
  t.equal(small.get('account.2.user_name'), 'second')
  t.notOk(small.has('account.3.enable'), 'a third account does not fit a T21P')
  const unknown = device(makeView('full', { device: { model: undefined, firmware: undefined } }))
  t.equal(unknown.get('account.1.enable'), '1', 'a model in no table gets one account')
})

t.test('time, tones and language of the place', async (t) => {
  const of = (site: Partial<DeviceView['site']>): Map<string, string> =>
    readYealinkFile(bodyOf(common, makeView('full', { site })))
  const berlin = of({})
  t.equal(berlin.get('local_time.time_zone'), '+1')
  t.equal(berlin.get('local_time.start_time'), '3/5/7/2')
  t.equal(berlin.get('local_time.end_time'), '10/5/7/3')
  t.equal(berlin.get('local_time.dst_time_type'), '1')
  t.equal(berlin.get('local_time.ntp_server2'), 'pool.ntp.org')
  t.equal(berlin.get('voice.tone.country'), 'Germany')
  t.equal(berlin.get('lang.gui'), 'German')
  t.equal(berlin.get('phone_setting.emergency.number'), '112,110')
  const newfoundland = of({ timeZone: 'America/St_Johns', country: 'CA', language: 'en' })
  t.equal(newfoundland.get('local_time.time_zone'), '-3:30')
  t.equal(newfoundland.get('local_time.time_format'), '0')
  t.equal(newfoundland.get('voice.tone.country'), '%NULL%', 'no tones of Canada are known')
  const kolkata = of({ timeZone: 'Asia/Kolkata', ntpServers: [], language: 'hi', emergencyNumbers: [] })
  t.equal(kolkata.get('local_time.time_zone'), '+5:30')
  t.equal(kolkata.get('local_time.summer_time'), '0')
  t.equal(kolkata.get('local_time.start_time'), '%NULL%')
  t.equal(kolkata.get('local_time.ntp_server1'), '%NULL%')
  t.equal(kolkata.get('lang.gui'), 'English')
  t.equal(kolkata.get('phone_setting.emergency.number'), '%NULL%')
  const cairo = of({ timeZone: 'Africa/Cairo' })
  t.equal(cairo.get('local_time.dst_time_type'), '0', 'no weekday rule: this year’s dates')
  t.match(cairo.get('local_time.start_time'), /^4\/\d+\/\d+$/)
  t.equal(of({ timeZone: 'Not/AZone' }).get('local_time.time_zone'), '0', 'what is no zone is UTC')
})

t.test('the file advises on firmware and installs none', async (t) => {
  const body = bodyOf(`${mac}.cfg`, makeView('full'))
  t.match(body, '# Firmware 66.84.0.125 may be used, but 66.85.0.5 is approved: update when convenient.\n')
  for (const stage of stages) {
    for (const name of filesOf({ family: 'yealink', mac, model: 'T46S' })) {
      t.notMatch(bodyOf(name, makeView(stage)), /firmware\.url/)
    }
  }
})

t.test('the files of a T46S, whole', async (t) => {
  for (const stage of stages) {
    const view = makeView(stage, { callForwardingAllowed: true })
    const whole = [`${mac}.boot`, common, `${mac}.cfg`]
      .map((name) => `===== ${name}\n${bodyOf(name, view)}`)
      .join('\n')
    const golden = join(import.meta.dirname, `../fixtures/yealink/t46s-${stage}.txt`)
    // A change that is meant is written with `tap --snapshot` and read in the diff.
    if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(golden, whole)
    t.equal(whole, readFileSync(golden, 'utf8'), stage)
  }
})

function keysOf(settings: Map<string, string>): string[] {
  return [...settings].filter(([key]) => /^linekey\.\d+\.type$/.test(key)).map(([, value]) => value)
}
