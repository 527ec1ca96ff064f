import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { ensureBoxCertificate, type BoxCertificate } from '#src/host/certificate.ts'
import { openTestStore, temporaryDirectory } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const dayMs = 86_400_000
const names = ['localhost', 'branchline.local', 'Box_7', 'box7']
const addresses = ['127.0.0.1', '::1', '192.0.2.7']

t.test('a TLS client that trusts the root accepts every name and address', async (t) => {
  const { secrets } = openTestStore(t)
  const box = await ensureBoxCertificate({ secrets, clock: systemClock, names, addresses })
  const server = createServer({ cert: box.certificatePem, key: box.keyPem }, (socket) => socket.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  for (const servername of ['localhost', 'branchline.local', 'box7']) {
    const socket = connect({ host: '127.0.0.1', port, servername, ca: box.caPem })
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    t.equal(greeting.toString(), 'hello', servername)
  }
  const byAddress = connect({ host: '127.0.0.1', port, ca: box.caPem })
  t.equal(String((await once(byAddress, 'data'))[0]), 'hello', 'by address')
  const stranger = connect({ host: '127.0.0.1', port, servername: 'other.example', ca: box.caPem })
  await t.rejects(once(stranger, 'secureConnect'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

t.test('OpenSSL verifies the chain as a server, in strict mode', async (t) => {
  const folder = temporaryDirectory(t)
  const { secrets } = openTestStore(t)
  const box = await ensureBoxCertificate({ secrets, clock: systemClock, names, addresses })
  writeFileSync(join(folder, 'ca.pem'), box.caPem)
  writeFileSync(join(folder, 'box.pem'), box.certificatePem)
  const arguments_ = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem', 'box.pem']
  t.match(execFileSync('openssl', arguments_, { cwd: folder }).toString(), 'box.pem: OK')
  const text = execFileSync('openssl', ['x509', '-in', 'box.pem', '-noout', '-text'], {
    cwd: folder,
  }).toString()
  t.match(text, /RSA Public-?Key: \(2048 bit\)|Public-Key: \(2048 bit\)/)
  t.match(text, /sha256WithRSAEncryption/)
  t.match(text, /CA:FALSE/)
  t.match(text, /IP Address:192\.0\.2\.7/)
  t.notMatch(text, /Box_7|box_7/, 'what is no DNS name is left out')
})

function serverOf({ certificatePem }: BoxCertificate): X509Certificate {
  return new X509Certificate(certificatePem)
}

t.test('kept while it lasts and covers; renewed before its end under the same root', async (t) => {
  const { secrets } = openTestStore(t)
  const clock = new FakeClock(Date.UTC(2027, 0, 1))
  const ensure = (more: string[] = []) =>
    ensureBoxCertificate({ secrets, clock, names: ['localhost'], addresses: ['127.0.0.1', ...more] })
  const first = await ensure()
  t.strictSame(await ensure(), first, 'the same the second time')
  t.equal(first.expiresAtMs - clock.nowMs(), 397 * dayMs)
  t.ok(serverOf(first).validFromDate.getTime() < clock.nowMs(), 'a phone may be a little behind')

  clock.advance(336 * dayMs)
  t.strictSame(await ensure(), first)
  clock.advance(2 * dayMs)
  const second = await ensure()
  t.equal(second.caPem, first.caPem, 'phones keep their root')
  t.not(second.keyPem, first.keyPem)
  t.equal(second.expiresAtMs - clock.nowMs(), 397 * dayMs)

  const third = await ensure(['192.0.2.8'])
  t.not(third.certificatePem, second.certificatePem, 'a new address')
  t.ok(serverOf(third).checkIP('192.0.2.8'))
  t.strictSame(await ensure(), third, 'an address that leaves changes nothing')
})

t.test('no certificate from 1970 and none that ends after 2049', async (t) => {
  const clock = new FakeClock(0)
  const young = await ensureBoxCertificate({ secrets: openTestStore(t).secrets, clock, names, addresses })
  t.ok(serverOf(young).validToDate.getTime() > Date.UTC(2027, 0, 1))
  const late = new FakeClock(Date.UTC(2045, 0, 1))
  const old = await ensureBoxCertificate({ secrets: openTestStore(t).secrets, clock: late, names, addresses })
  t.ok(new X509Certificate(old.caPem).validToDate.getTime() < Date.UTC(2050, 0, 1))
})

t.test('keys are sealed, and a root of another box is another root', async (t) => {
  const one = await ensureBoxCertificate({
    secrets: openTestStore(t).secrets,
    clock: systemClock,
    names,
    addresses,
  })
  const two = await ensureBoxCertificate({
    secrets: openTestStore(t).secrets,
    clock: systemClock,
    names,
    addresses,
  })
  t.not(new X509Certificate(one.caPem).subject, new X509Certificate(two.caPem).subject)
  t.notOk(serverOf(two).verify(new X509Certificate(one.caPem).publicKey))
  t.ok(serverOf(one).verify(new X509Certificate(one.caPem).publicKey))
})
