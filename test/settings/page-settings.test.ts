import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { pageSettings } from '#src/settings/page-settings.ts'

t.test('the page stays where every sound source says, whatever else is wrong', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-settings-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'config.json')
  const stored = { listen: '192.0.2.1', page: { httpsPort: 443, httpPort: 80 }, sip: { udpPort: 'x' } }
  const cases: [string, string, object, object][] = [
    ['broken file', '{ "page": ', {}, { listen: '192.0.2.1', https: 443, http: 80 }],
    ['file wins', '{ "page": { "httpsPort": 444 } }', {}, { listen: '192.0.2.1', https: 444, http: 80 }],
    ['wrong type', '{ "page": { "httpsPort": "no" } }', {}, { listen: '192.0.2.1', https: 443, http: 80 }],
    ['command line', '{}', { listen: '127.0.0.1' }, { listen: '127.0.0.1', https: 443, http: 80 }],
    ['no address', '{ "listen": "lan" }', {}, { listen: '127.0.0.1', https: 443, http: 80 }],
    ['same port', '{ "page": { "httpPort": 443 } }', {}, { listen: '192.0.2.1', https: 443, http: 0 }],
    ['no group', '{ "page": 5 }', {}, { listen: '192.0.2.1', https: 443, http: 80 }],
  ]
  for (const [name, text, args, expected] of cases) {
    writeFileSync(file, text)
    const { listen, page, sip } = pageSettings({ stored, file, args: { ...args } })
    t.strictSame({ listen, https: page.httpsPort, http: page.httpPort }, expected, name)
    t.equal(sip.udpPort, 5060, 'the rest is the default')
  }
  t.equal(cases.length, 7)
})
