import { X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { silentLogger } from '#src/base/logger.ts'
import { labSbcFqdn, loadLabCertificates } from '#src/lab/certificates.ts'
import type { Settings } from '#src/model/settings.ts'
import { microsoftTenant } from '#src/microsoft/microsoft-tenant.ts'
import { microsoftTrunkRootNames, microsoftTrunkRoots } from '#src/microsoft/trunk-facts.ts'

async function setUp(dir: string) {
  const made = await loadLabCertificates({ dir, addresses: [], nowMs: Date.now(), logger: silentLogger })
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text)
    return join(dir, name)
  }
  const tenant: Settings['tenant'] = {
    kind: 'microsoft',
    tenantId: 'tenant',
    clientId: 'client',
    sbcFqdn: labSbcFqdn.toUpperCase(),
    certificateFile: await file('box.pem', made.box.certificatePem),
    keyFile: await file('box.key', made.box.keyPem),
  }
  return { made, file, tenant }
}

void t.test('Microsoft’s hosts, ports and roots are known without the network', async (t) => {
  const { tenant } = await setUp(t.testdir())
  const endpoints = await microsoftTenant({ tenant })
  t.equal(endpoints.lab, false)
  t.equal(endpoints.trunk.sbcFqdn, labSbcFqdn)
  t.same(
    endpoints.trunk.hosts.map(({ name, port, address }) => `${name}:${port} ${address}`),
    ['sip', 'sip2', 'sip3'].map((name) => `${name}.pstnhub.microsoft.com:5061 undefined`),
  )
  const subjects = microsoftTrunkRoots().map((pem) => new X509Certificate(pem).subject)
  for (const name of microsoftTrunkRootNames.filter((one) => one !== 'DigiCert Global Root CA')) {
    t.ok(
      subjects.some((subject) => subject.endsWith(`CN=${name}`)),
      name,
    )
  }
})

void t.test('a site may name hosts and roots of its own', async (t) => {
  const { tenant, made, file } = await setUp(t.testdir())
  const endpoints = await microsoftTenant({
    tenant: {
      ...tenant,
      trunkHosts: [{ name: 'sbc.example', port: 5063, address: '127.0.0.1' }],
      trunkCaFile: await file('ca.pem', made.caPem),
    },
  })
  t.same(endpoints.trunk.hosts, [{ name: 'sbc.example', port: 5063, address: '127.0.0.1' }])
  t.same(endpoints.trunk.caPem, [made.caPem])
})

void t.test('each mistake names its setting', async (t) => {
  const { tenant, made, file } = await setUp(t.testdir())
  const cases: [Partial<Settings['tenant']>, string][] = [
    [{ tenantId: '' }, 'tenant.tenantId'],
    [{ clientId: '' }, 'tenant.clientId'],
    [{ sbcFqdn: 'other.example' }, 'tenant.certificateFile'],
    [{ certificateFile: '/nowhere.pem' }, 'tenant.certificateFile'],
    [{ certificateFile: await file('no.pem', 'nothing') }, 'tenant.certificateFile'],
    [{ keyFile: await file('no.key', 'nothing') }, 'tenant.keyFile'],
    [{ keyFile: await file('other.key', made.https.keyPem) }, 'tenant.keyFile'],
    [{ trunkCaFile: '/nowhere.pem' }, 'tenant.trunkCaFile'],
  ]
  for (const [change, field] of cases) {
    const wrong = microsoftTenant({ tenant: { ...tenant, ...change } })
    await t.rejects(wrong, { code: 'CONFIG_INVALID', details: { field } }, JSON.stringify(change))
  }
  t.equal(cases.length, 8)
})
