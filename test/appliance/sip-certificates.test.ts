import { once } from 'node:events'
import tls from 'node:tls'
import t from 'tap'
import { renewSipCertificate, serverTlsOf } from '#src/appliance/sip-certificates.ts'
import type { BoxCertificate } from '#src/host/certificate.ts'
import { makeCa } from '#test/support/certificates.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'

const ca = await makeCa('Box')

async function boxCertificate(): Promise<BoxCertificate> {
  const issued = await ca.issue({ names: ['box.local'], ips: ['127.0.0.1'] })
  return { ...issued, caPem: ca.rootPem, expiresAtMs: Date.now() + 3_600_000 }
}

async function connect(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: ca.rootPem })
  await once(socket, 'secureConnect')
  return socket
}

void t.test(
  'the SIP ports follow the renewed certificate of the page; a broken one changes nothing',
  async (t) => {
    const first = await boxCertificate()
    const engine = await startBareEngine(t, {
      listen: [{ protocol: 'tls', host: '127.0.0.1', port: 0, tls: serverTlsOf(first, undefined) }],
    })
    const logger = new MemoryLogger()
    const port = portOf(engine, 'tls')
    const phone = await connect(port)
    t.teardown(() => phone.destroy())
    const firstSerial = phone.getPeerCertificate().serialNumber
    const renewed = await boxCertificate()
    renewSipCertificate(engine, renewed, undefined, logger)
    const next = await connect(port)
    t.not(next.getPeerCertificate().serialNumber, firstSerial)
    t.equal(phone.readyState, 'open', 'who is connected stays so')
    phone.write('\r\n\r\n')
    await once(phone, 'data')
    const serial = next.getPeerCertificate().serialNumber
    next.destroy()
    renewSipCertificate(engine, { ...renewed, keyPem: first.keyPem }, undefined, logger)
    const after = await connect(port)
    t.equal(after.getPeerCertificate().serialNumber, serial)
    after.destroy()
    t.match(JSON.stringify(logger.lines.at(-1)), /The key does not belong to the certificate/)
    renewSipCertificate(undefined, renewed, undefined, logger)
  },
)
