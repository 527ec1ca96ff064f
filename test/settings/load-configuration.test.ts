import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import { defaultSettings, loadConfiguration } from '#src/settings/load-configuration.ts'

type Sources = Parameters<typeof loadConfiguration>[0]

function problemsOf(sources: Partial<Sources>): { field: string; text: string; source: string }[] {
  try {
    loadConfiguration({ stored: {}, ...sources })
  } catch (error) {
    if (error instanceof ApplianceError && error.code === 'CONFIG_INVALID') {
      return error.details['problems'] as ReturnType<typeof problemsOf>
    }
    throw error
  }
  return []
}

function writeConfig(t: { teardown(release: () => void): void }, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-settings-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'config.json')
  writeFileSync(file, text)
  return file
}

t.test('the defaults are complete and sound', async (t) => {
  const settings = defaultSettings()
  t.equal(settings.sip.udpPort, 5060)
  t.equal(settings.sip.door.enabled, false)
  t.equal(settings.advertisedAddress, undefined)
  t.strictSame(loadConfiguration({ stored: {} }), settings)
})

t.test('saved settings win over defaults, the file over those, the command line over all', async (t) => {
  const file = writeConfig(t, '{ "sip": { "udpPort": 2, "tcpPort": 2 }, "page": { "httpPort": 92 } }')
  const settings = loadConfiguration({
    stored: { sip: { udpPort: 1, tcpPort: 1, tlsPort: 1 }, page: { httpsPort: 91 } },
    file,
    args: { sip: { udpPort: 3 }, listen: '127.0.0.1' },
  })
  t.match(settings.sip, { udpPort: 3, tcpPort: 2, tlsPort: 1, realm: 'branchline' })
  t.match(settings.page, { httpsPort: 91, httpPort: 92 })
  t.equal(settings.listen, '127.0.0.1')
})

t.test('lists replace lists', async (t) => {
  const settings = loadConfiguration({ stored: { site: { emergencyNumbers: ['112'] } } })
  t.strictSame(settings.site.emergencyNumbers, ['112'])
  settings.site.emergencyNumbers.push('999')
  t.notOk(loadConfiguration({ stored: {} }).site.emergencyNumbers === settings.site.emergencyNumbers)
  t.equal(defaultSettings().site.emergencyNumbers.length, 5, 'defaults are never shared')
})

t.test('every wrong value is named with its field, its file and what was expected', async (t) => {
  const file = writeConfig(
    t,
    JSON.stringify({
      listen: 5,
      sip: { udpPort: 70000, tcpPort: 1.5, realm: 'büro', door: { enabled: 'yes' }, drachtio: { host: 'd' } },
      media: { relay: 'asterisk', portMin: '20000' },
      site: { emergencyNumbers: ['112', 911, 'x'], country: null },
      log: [],
    }),
  )
  const problems = problemsOf({ file })
  t.strictSame(
    problems.map(({ field }) => field),
    [
      'listen',
      'sip.udpPort',
      'sip.tcpPort',
      'sip.realm',
      'sip.door.enabled',
      'sip.drachtio.secret',
      'media.relay',
      'media.portMin',
      'site.emergencyNumbers.1',
      'site.emergencyNumbers.2',
      'site.country',
      'log',
    ],
  )
  t.ok(problems.every(({ source }) => source === file))
  const text = (field: string) => problems.find((problem) => problem.field === field)?.text
  t.equal(text('sip.udpPort'), '70000 is not allowed here: expected a whole number from 0 to 65535.')
  t.equal(text('media.relay'), '"asterisk" is not allowed here: expected one of "embedded", "rtpengine".')
  t.equal(text('sip.drachtio.secret'), 'This is missing: expected a text.')
  t.equal(text('sip.door.enabled'), '"yes" is not allowed here: expected true or false.')
  t.throws(() => loadConfiguration({ stored: {}, file }), {
    code: 'CONFIG_INVALID',
    message: /12 settings.*\nlisten \(.*config\.json\)/,
    details: { field: 'listen' },
  })
})

t.test('an unknown name is refused, with the one that was meant', async (t) => {
  const hint = (stored: Record<string, unknown>) => problemsOf({ stored })[0]?.text
  t.match(hint({ sip: { updPort: 1 } }), /Did you mean sip\.udpPort\?/)
  t.match(hint({ lisen: 'x' }), /Did you mean listen\?/)
  t.match(hint({ httpsPort: 443 }), /Did you mean page\.httpsPort\?/, 'in another group')
  t.match(hint({ zebra: 1 }), /Known here: listen, advertisedAddress, sip/)
  t.match(hint(JSON.parse('{"__proto__": {"listen": "x"}}') as Record<string, unknown>), /no such setting/)
  t.equal(problemsOf({ stored: { constructor: 1 } })[0]?.field, 'constructor')
})

t.test(
  'fields that exclude each other are refused, and the source of the one to blame is named',
  async (t) => {
    const cases: [string, Record<string, unknown>, RegExp][] = [
      ['media.portMax', { media: { portMin: 30000, portMax: 30002 } }, /four ports/],
      ['media.portMax', { media: { portMin: 30000, portMax: 20000 } }, /no room above/],
      ['sip.tlsPort', { sip: { tlsPort: 5060 } }, /Port 5060 is also sip\.tcpPort/],
      ['page.httpPort', { page: { httpPort: 8443 } }, /also page\.httpsPort/],
      ['sip.door.port', { sip: { door: { enabled: true, port: 5060 } } }, /also sip\.tcpPort/],
      ['sip.udpPort', { sip: { udpPort: 20500 } }, /lies in the media ports/],
      ['sip.maxExpiresS', { sip: { minExpiresS: 600, maxExpiresS: 300 } }, /shorter than sip\.minExpiresS/],
      ['tenant.clientId', { tenant: { kind: 'microsoft', tenantId: 't', sbcFqdn: 'b.example' } }, /missing/],
      ['tenant.keyFile', { tenant: { certificateFile: '/dev/null' } }, /go together/],
      ['tenant.trunkCaFile', { tenant: { trunkCaFile: '/nowhere.pem' } }, /There is no file/],
      ['listen', { listen: 'eth0' }, /not an IP address/],
      ['advertisedAddress', { advertisedAddress: 'a b' }, /neither an IP address nor a name/],
    ]
    for (const [field, stored, text] of cases) {
      const problems = problemsOf({ stored })
      t.equal(problems.length, 1, field)
      t.match(problems[0], { field, text })
    }
    const [problem] = problemsOf({ stored: { sip: { tlsPort: 7000 } }, args: { sip: { tcpPort: 7000 } } })
    t.match(problem, { field: 'sip.tlsPort', source: 'the saved settings' })
  },
)

t.test('what looks like a clash and is none is accepted', async (t) => {
  const sound: Record<string, unknown>[] = [
    { sip: { udpPort: 0, tcpPort: 0, tlsPort: 0 }, page: { httpsPort: 0, httpPort: 0 } },
    { sip: { udpPort: 5061 } },
    { sip: { udpPort: 20500 }, media: { relay: 'rtpengine' } },
    { sip: { door: { enabled: true, host: '127.0.0.2', port: 5060 } }, listen: '127.0.0.1' },
    { sip: { tlsPort: 5060, drachtio: { host: 'd.example', secret: 's' } } },
  ]
  for (const stored of sound) t.strictSame(problemsOf({ stored }), [], JSON.stringify(stored))
  const { drachtio } = loadConfiguration({ stored: { sip: { drachtio: { host: 'd', secret: 's' } } } }).sip
  t.equal(drachtio?.port, 9022, 'the default inside an optional group')
})

t.test('a file that is missing, no JSON or no object is unreadable, with its name', async (t) => {
  for (const [text, reason] of [
    ['{ "listen": "127.0.0.1", }', /JSON/],
    ['[1]', /no JSON object/],
    ['', /JSON/],
  ] as const) {
    const file = writeConfig(t, text)
    t.throws(() => loadConfiguration({ stored: {}, file }), {
      code: 'CONFIG_UNREADABLE',
      message: file,
      details: { file, reason },
    })
  }
  t.throws(() => loadConfiguration({ stored: {}, file: '/nowhere/config.json' }), {
    code: 'CONFIG_UNREADABLE',
    advice: /--config/,
  })
})
