import { createPrivateKey, X509Certificate } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { labSbcFqdn, labTeamsHosts, loadLabCertificates } from '#src/lab/certificates.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const dayMs = 86_400_000
const nowMs = Date.parse('2026-11-22T12:00:00Z')

function load(dir: string, more: { nowMs?: number; addresses?: string[] } = {}, logger = new MemoryLogger()) {
  return loadLabCertificates({ dir, nowMs, addresses: ['192.0.2.7'], logger, ...more })
}

void t.test('the first start makes a CA and three certificates that chain to it', async (t) => {
  const dir = join(t.testdir(), 'new', 'lab')
  const made = await load(dir)
  const ca = new X509Certificate(made.caPem)
  t.equal(ca.ca, true)
  for (const pair of [made.https, made.teamsEdge, made.box]) {
    const certificate = new X509Certificate(pair.certificatePem)
    t.ok(certificate.verify(ca.publicKey), 'signed by the lab CA')
    t.ok(certificate.checkIssued(ca), 'names the lab CA as issuer')
    t.ok(certificate.checkPrivateKey(createPrivateKey(pair.keyPem)))
    t.equal(certificate.ca, false)
  }
  const https = new X509Certificate(made.https.certificatePem)
  t.equal(https.checkHost('localhost'), 'localhost')
  for (const address of ['127.0.0.1', '::1', '192.0.2.7']) t.equal(https.checkIP(address), address)
  const edge = new X509Certificate(made.teamsEdge.certificatePem)
  t.equal(labTeamsHosts.length, 3)
  for (const host of labTeamsHosts) t.equal(edge.checkHost(host), host)
  t.strictSame(edge.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'serverAuth only')
  const box = new X509Certificate(made.box.certificatePem)
  t.equal(box.checkHost(labSbcFqdn), labSbcFqdn)
  t.strictSame(box.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'], 'serverAuth and clientAuth')
})

void t.test('nobody but the owner can read the files, and the next start uses them again', async (t) => {
  const dir = t.testdir()
  const first = await load(dir)
  for (const file of ['ca.key.pem', 'box.key.pem', 'https.cert.pem', 'token-signing.key.pem']) {
    t.equal((await stat(join(dir, file))).mode & 0o777, 0o600, file)
  }
  const logger = new MemoryLogger()
  t.strictSame(await load(dir, {}, logger), first)
  t.strictSame(logger.lines, [], 'nothing was made')
})

void t.test('a certificate is renewed a month before its end, under the same CA', async (t) => {
  const dir = t.testdir()
  const first = await load(dir)
  const kept = await load(dir, { nowMs: nowMs + 330 * dayMs })
  t.equal(kept.box.certificatePem, first.box.certificatePem)
  const renewed = await load(dir, { nowMs: nowMs + 340 * dayMs })
  t.not(renewed.box.certificatePem, first.box.certificatePem)
  t.equal(renewed.caPem, first.caPem)
  t.equal(renewed.tokenSigningKeyPem, first.tokenSigningKeyPem)
})

void t.test('a new address makes a new HTTPS certificate and leaves the others', async (t) => {
  const dir = t.testdir()
  const first = await load(dir)
  const second = await load(dir, { addresses: ['192.0.2.8'] })
  t.equal(new X509Certificate(second.https.certificatePem).checkIP('192.0.2.8'), '192.0.2.8')
  t.equal(second.box.certificatePem, first.box.certificatePem)
})

void t.test('a damaged file is replaced, a damaged CA replaces everything below it', async (t) => {
  const dir = t.testdir()
  const first = await load(dir)
  await writeFile(join(dir, 'box.cert.pem'), 'not a certificate')
  const second = await load(dir)
  t.not(second.box.certificatePem, first.box.certificatePem)
  t.equal(second.https.certificatePem, first.https.certificatePem)
  await writeFile(join(dir, 'ca.key.pem'), 'not a key')
  const third = await load(dir)
  t.not(third.caPem, first.caPem)
  t.ok(new X509Certificate(third.https.certificatePem).verify(new X509Certificate(third.caPem).publicKey))
})

void t.test('a directory that cannot be written is LAB_FAILED', async (t) => {
  const dir = t.testdir({ file: 'in the way' })
  await t.rejects(load(join(dir, 'file')), { code: 'LAB_FAILED' })
})
