import { once } from 'node:events'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { outboundTlsOf, serverTlsOf, SipCertificates } from '#src/appliance/sip-certificates.ts'
import type { TlsRenewal } from '#src/engine/options.ts'
import type { BoxCertificate } from '#src/host/certificate.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { makeCa, type LeafOptions } from '#test/support/certificates.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'

const ca = await makeCa('Box')
const sbcFqdn = 'sbc.contoso.example'

async function boxCertificate(): Promise<BoxCertificate> {
  const issued = await ca.issue({ names: ['box.local'], ips: ['127.0.0.1'] })
  return { ...issued, caPem: ca.rootPem, expiresAtMs: Date.now() + 3_600_000 }
}

async function tenantWith(leaf: LeafOptions = {}): Promise<TenantEndpoints> {
  const issued = await ca.issue({ names: [sbcFqdn], ...leaf })
  const hosts = [{ name: 'sip.example', port: 5061, address: undefined }]
  return {
    ...{ lab: false, tenantId: 't', clientId: 'c', authorityHost: '', graphUrl: '', caPem: [] },
    trunk: { ...issued, hosts, sbcFqdn, caPem: [ca.rootPem], optionsIntervalMs: 60_000 },
  }
}

async function connect(t: Test, port: number, servername = 'box.local'): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: ca.rootPem, servername })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

const serialOf = (socket: tls.TLSSocket): string => socket.getPeerCertificate().serialNumber

async function start(t: Test, tenant: TenantEndpoints | undefined) {
  const box = await boxCertificate()
  const engine = await startBareEngine(t, {
    listen: [{ protocol: 'tls', host: '127.0.0.1', port: 0, tls: serverTlsOf(box, tenant) }],
    outboundTls: outboundTlsOf(tenant),
  })
  const logger = new MemoryLogger()
  const reloads: TlsRenewal[] = []
  const reloadTls = (next: TlsRenewal) => (reloads.push(next), engine.reloadTls(next))
  const certificates = new SipCertificates({ engine: { reloadTls }, box, tenant, logger })
  return { box, certificates, logger, reloads, port: portOf(engine, 'tls') }
}

void t.test(
  'the SIP ports follow the renewed certificate of the page; a broken one changes nothing',
  async (t) => {
    const { box, certificates, logger, port } = await start(t, undefined)
    const phone = await connect(t, port)
    const renewed = await boxCertificate()
    certificates.renewBox(renewed)
    const next = await connect(t, port)
    t.not(serialOf(next), serialOf(phone))
    t.equal(phone.readyState, 'open', 'who is connected stays so')
    phone.write('\r\n\r\n')
    await once(phone, 'data')
    certificates.renewBox({ ...renewed, keyPem: box.keyPem })
    t.equal(serialOf(await connect(t, port)), serialOf(next))
    t.match(JSON.stringify(logger.lines.at(-1)), /The key does not belong to the certificate/)
    const none = new SipCertificates({ engine: undefined, box, tenant: undefined, logger })
    none.renewBox(renewed)
    t.match(none.renewTrunk(await tenantWith()), { applied: false })
  },
)

void t.test('box and trunk are renewed apart, and neither takes the other back', async (t) => {
  const first = await tenantWith()
  const { certificates, port, reloads } = await start(t, first)
  const carrier = await connect(t, port, sbcFqdn)
  const second = await tenantWith()
  t.same(certificates.renewTrunk(second), { applied: true })
  t.match(reloads.at(-1)?.outbound, [{ names: ['sip.example'], certificatePem: second.trunk.certificatePem }])
  const trunkSerial = serialOf(await connect(t, port, sbcFqdn))
  t.not(trunkSerial, serialOf(carrier))
  t.equal(carrier.readyState, 'open')
  certificates.renewBox(await boxCertificate())
  t.equal(serialOf(await connect(t, port, sbcFqdn)), trunkSerial)
  const boxSerial = serialOf(await connect(t, port))
  t.same(certificates.renewTrunk(await tenantWith()), { applied: true })
  t.equal(serialOf(await connect(t, port)), boxSerial)
  const wrong = { ...second, trunk: { ...second.trunk, keyPem: first.trunk.keyPem } }
  t.match(certificates.renewTrunk(wrong), { applied: false, reason: /key does not belong/ })
})

void t.test('a trunk certificate that has ended does not keep phones from the box’s new one', async (t) => {
  const tenant = await tenantWith({ notAfter: new Date(Date.now() - 60_000) })
  const { certificates, port, logger } = await start(t, tenant)
  const before = serialOf(await connect(t, port))
  certificates.renewBox(await boxCertificate())
  t.match(logger.lines.at(-1), { level: 'info' })
  t.not(serialOf(await connect(t, port)), before)
  const ended = await tenantWith({ notAfter: new Date(Date.now() - 30_000) })
  t.match(certificates.renewTrunk(ended), { applied: false, reason: /ended on/ }, 'a new one must be good')
})
