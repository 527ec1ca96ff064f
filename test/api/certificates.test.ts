import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { CertificatesView } from '#src/api/schema/certificate.ts'
import { trunkNameProblem } from '#src/api/setup/trunk-name.ts'
import { createSettingsService } from '#src/settings/settings-service.ts'
import { systemClock } from '#src/base/clock.ts'
import { makeCa, type IssuedCertificate } from '#test/support/certificates.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'

const fqdn = 'sbc.contoso.com'
const dayMs = 86_400_000

interface Refusal {
  code: string
  text: string
  details: { field: string }
}

async function startBox(t: Test): Promise<{ api: TestApi; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-certificates-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const api = await startTestApi(t, {
    change: {
      clock: systemClock,
      health: () => ({ state: 'ok', version: '0.1.0', lab: false, parts: [] }),
      setup: { certificateFolder: join(folder, 'teams-certificate') },
    },
  })
  const settings = createSettingsService({ store: api.store.settings })
  api.context.parts = { ...api.context.parts, settings }
  await api.claim()
  return { api, folder: join(folder, 'teams-certificate') }
}

const upload = (api: TestApi, pair: Partial<IssuedCertificate>, name = fqdn) =>
  api.ask('PUT', '/api/certificates/trunk', {
    fqdn: name,
    certificatePem: pair.certificatePem,
    ...(pair.keyPem === undefined ? {} : { keyPem: pair.keyPem }),
  })
const read = async (api: TestApi): Promise<CertificatesView> =>
  (await api.ask('GET', '/api/certificates')).json<CertificatesView>()
const tenantOf = (api: TestApi) =>
  (api.store.settings.active().document.tenant ?? {}) as Record<string, string | undefined>

t.test('a good chain in the wrong order is put in order, and kept for the box alone', async (t) => {
  const { api, folder } = await startBox(t)
  const root = await makeCa('Contoso root')
  const middle = await root.intermediate('Contoso issuing')
  const { certificatePem, keyPem } = await middle.issue({ names: [fqdn] })
  const [leaf = '', issuing = ''] = certificatePem.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  const stranger = await makeCa('Somebody else')
  const reply = await upload(api, { certificatePem: [issuing, stranger.rootPem, leaf].join('\n'), keyPem })
  t.equal(reply.statusCode, 200, reply.body)
  const { trunk } = reply.json<CertificatesView>()
  t.match(trunk, {
    certificate: { subject: fqdn, issuer: 'Contoso issuing', names: [fqdn] },
    chain: [{ subject: 'Contoso issuing', issuer: 'Contoso root' }],
    problem: null,
    inForce: false,
  })
  const { certificateFile = '', keyFile = '', sbcFqdn } = tenantOf(api)
  t.equal(sbcFqdn, fqdn)
  const stored = readFileSync(certificateFile, 'utf8').match(/-----BEGIN/g)
  t.equal(stored?.length, 2, 'the leaf and its issuer, nothing else')
  t.equal(new X509Certificate(readFileSync(certificateFile)).subject, `CN=${fqdn}`, 'the leaf first')
  for (const file of [certificateFile, keyFile])
    t.equal(statSync(file).mode & 0o777, 0o600, 'for the box only')
  t.equal(statSync(dirname(keyFile)).mode & 0o777, 0o700)
  t.notMatch(JSON.stringify(await read(api)), /PRIVATE/, 'the key is never shown')
  t.match(api.store.audit.list({ limit: 1 })[0], { action: 'certificate.keep', subject: fqdn })
  t.notMatch(JSON.stringify(api.store.audit.list({ limit: 10 })), /PRIVATE/)

  const second = await (await makeCa('Contoso root')).issue({ names: [fqdn] })
  t.equal((await upload(api, second)).statusCode, 200)
  t.equal(readdirSync(folder).length, 1, 'the former pair is gone')
  t.notOk(existsSync(certificateFile))
  const step = (await api.ask('GET', '/api/setup')).json<{ steps: { id: string; state: string }[] }>().steps
  t.equal(step.find(({ id }) => id === 'certificate')?.state, 'done')
})

t.test('what Teams would not take is refused by name, and what was there stays', async (t) => {
  const { api, folder } = await startBox(t)
  const ca = await makeCa('root')
  const good = await ca.issue({ names: [fqdn] })
  t.equal((await upload(api, good)).statusCode, 200)
  const before = tenantOf(api)
  const now = Date.now()
  const expired = await ca.issue({
    names: [fqdn],
    notBefore: new Date(now - 2 * dayMs),
    notAfter: new Date(now - dayMs),
  })
  const early = await ca.issue({
    names: [fqdn],
    notBefore: new Date(now + dayMs / 2),
    notAfter: new Date(now + dayMs),
  })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  const cases: [what: string, pair: Partial<IssuedCertificate>, field: string, text: RegExp][] = [
    ['another key', { ...good, keyPem: expired.keyPem }, 'keyPem', /does not belong/],
    ['an encrypted key', { ...good, keyPem: String(locked) }, 'keyPem', /passphrase/],
    ['no key', { ...good, keyPem: 'hello' }, 'keyPem', /no private key/],
    ['no key at all', { certificatePem: good.certificatePem }, 'keyPem', /made no request/],
    ['another name', await ca.issue({ names: ['other.contoso.com'] }), 'certificatePem', /not for sbc/],
    ['a wildcard too deep', await ca.issue({ names: ['*.com'] }), 'certificatePem', /not for sbc/],
    ['an expired one', expired, 'certificatePem', /ended on/],
    ['one from tomorrow', early, 'certificatePem', /begins only on/],
    ['clients only', await ca.issue({ names: [fqdn], eku: ['clientAuth'] }), 'certificatePem', /serverAuth/],
    ['signed by itself', await selfSigned(), 'certificatePem', /signed by itself/],
    ['no certificate', { ...good, certificatePem: 'hello' }, 'certificatePem', /no certificate/],
    [
      'a damaged one',
      { ...good, certificatePem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
      'certificatePem',
      /damaged/,
    ],
    ['eleven', { ...good, certificatePem: good.certificatePem.repeat(11) }, 'certificatePem', /too many/],
  ]
  for (const [what, pair, field, text] of cases) {
    const reply = await upload(api, pair)
    const refusal = reply.json<Refusal>()
    t.match([reply.statusCode, refusal], [400, { code: 'CONFIG_INVALID', details: { field } }], what)
    t.match(refusal.text, text, what)
  }
  t.strictSame(tenantOf(api), before)
  t.equal(readdirSync(folder).length, 1)
  t.equal((await upload(api, { ...good, certificatePem: 'x'.repeat(50_000) })).statusCode, 400)
  t.equal((await upload(api, good, 'sbc.contoso.onmicrosoft.com')).statusCode, 400)
  const wildcard = await ca.issue({ names: ['*.contoso.com'] })
  t.equal((await upload(api, wildcard)).statusCode, 200, 'a wildcard of one label will do')
})

t.test('a request: the key stays in the box, and the certificate comes back without one', async (t) => {
  const { api } = await startBox(t)
  const made = await api.ask('POST', '/api/certificates/request', { fqdn, organisation: 'Contoso' })
  const { request } = made.json<CertificatesView>()
  t.match(request, { fqdn, pem: /BEGIN CERTIFICATE REQUEST/ })
  t.notMatch(made.body, /PRIVATE/)
  const parsed = new x509.Pkcs10CertificateRequest(request?.pem ?? '')
  t.ok(await parsed.verify(), 'it is signed with its own key')
  t.match(parsed.subject, /CN=sbc\.contoso\.com.*O=Contoso/)
  const names = parsed.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension)
  t.strictSame(names?.names.toJSON(), [{ type: 'dns', value: fqdn }])

  const foreign = await (await makeCa('root')).issue({ names: [fqdn] })
  const refused = await upload(api, { certificatePem: foreign.certificatePem })
  t.match(refused.json<Refusal>(), { details: { field: 'certificatePem' }, text: /not for the request/ })
  const certificatePem = await signRequest(parsed)
  const kept = await upload(api, { certificatePem })
  t.equal(kept.statusCode, 200, kept.body)
  t.match(kept.json(), { request: null, trunk: { certificate: { subject: fqdn }, problem: null } })
  t.match(readFileSync(tenantOf(api).keyFile ?? '', 'utf8'), /BEGIN PRIVATE KEY/)
})

t.test('time passes and files go: the certificate is judged again whenever it is looked at', async (t) => {
  const { api } = await startBox(t)
  t.match(await read(api), { trunk: null, canKeep: true, page: { names: ['127.0.0.1', 'localhost'] } })
  await upload(api, await (await makeCa('root')).issue({ names: [fqdn] }))
  t.match((await read(api)).trunk?.warnings, [/ends on/, /public authority/, /RSA/])
  rmSync(tenantOf(api).keyFile ?? '')
  t.match((await read(api)).trunk, { certificate: null, problem: /cannot be read/ })
})

t.test('names for the trunk', async (t) => {
  for (const name of ['sbc.contoso.com', 'SBC.Contoso.COM', 'a.b', ` sbc.contoso.com `]) {
    t.equal(trunkNameProblem(name), undefined, name)
  }
  for (const [name, text] of [
    ['', /Enter the name/],
    ['sbc', /full name/],
    ['sbc_1.contoso.com', /full name/],
    ['-sbc.contoso.com', /full name/],
    ['sbc..contoso.com', /full name/],
    ['192.0.2.1', /not an address/],
    ['fd00::1', /not an address/],
    ['sbc.contoso.onmicrosoft.com', /onmicrosoft/],
    ['branchline.local', /\.local/],
    [`${'a'.repeat(55)}.contoso.com`, /63 characters/],
  ] as const) {
    t.match(trunkNameProblem(name), text, name)
  }
})

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

async function selfSigned(): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${fqdn}`,
    keys,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: fqdn }])],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { certificatePem: certificate.toString('pem'), keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY') }
}

/** Signs a request as an authority does: with a key of its own, for the public key in the request. */
async function signRequest(request: x509.Pkcs10CertificateRequest): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: request.subject,
    issuer: 'CN=Authority',
    publicKey: request.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + 90 * dayMs),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: fqdn }])],
  })
  return certificate.toString('pem')
}
