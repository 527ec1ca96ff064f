import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tls from 'node:tls'
import t from 'tap'
import { followTrunkCertificate } from '#src/appliance/follow-trunk-certificate.ts'
import type { TlsRenewed } from '#src/engine/options.ts'
import { microsoftTenant } from '#src/microsoft/microsoft-tenant.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { loadConfiguration } from '#src/settings/load-configuration.ts'
import { Box } from '#test/support/box.ts'
import { makeCa, type IssuedCertificate } from '#test/support/certificates.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const fqdn = 'sbc.contoso.com'
const ca = await makeCa('Root')
const issuing = await ca.intermediate('Issuing')
const issue = (name = fqdn): Promise<IssuedCertificate> => issuing.issue({ names: [name] })

void t.test(
  'a program renews the files: both must fit, and the page’s own upload comes between',
  async (t) => {
    const folder = t.testdir({})
    const write = (name: string, { certificatePem, keyPem }: IssuedCertificate) => {
      const files = { certificateFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) }
      writeFileSync(files.certificateFile, certificatePem)
      writeFileSync(files.keyFile, keyPem)
      return files
    }
    const settingsWith = (files: object, more = {}) =>
      loadConfiguration({
        file: undefined,
        args: {},
        stored: {
          tenant: { kind: 'microsoft', tenantId: 't', clientId: 'c', sbcFqdn: fqdn, ...files, ...more },
        },
      })
    const first = await issue()
    const settings = settingsWith(write('first', first))
    const clock = new FakeClock()
    const logger = new MemoryLogger()
    const shown: TenantEndpoints[] = []
    let answer: TlsRenewed = { applied: true }
    const follower = followTrunkCertificate({
      ...{ settings, clock, logger, tenant: await microsoftTenant(settings) },
      renew: (found) => (shown.push(found), answer),
    })
    const stop = new AbortController()
    const watching = follower.watch(stop.signal)
    /** Moves time on and waits until the watcher sleeps again. */
    const pass = async (): Promise<void> => {
      clock.advance(600_000)
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await pass()
    t.equal(shown.length, 0, 'nothing has changed')
    const second = await issue()
    writeFileSync(settings.tenant.certificateFile ?? '', second.certificatePem)
    await pass()
    t.equal(shown.length, 0, 'the key has not come yet')
    t.match(logger.lines, [{ level: 'warn', fields: { reason: /is not the key of/ } }])
    write('first', second)
    await pass()
    t.same(
      shown.map(({ trunk }) => trunk.certificatePem),
      [second.certificatePem],
    )
    await pass()
    t.equal(shown.length, 1, 'shown once')

    const uploaded = write('uploaded', await issue())
    t.ok(follower.part.takes({ path: 'tenant.keyFile', applies: 'sip' }))
    t.notOk(follower.part.takes({ path: 'tenant.sbcFqdn', applies: 'sip' }))
    // A look is under way while the page uploads: the old files do not come back behind it. A pipe keeps it waiting.
    const renewed = await issue()
    const { certificateFile: pipe } = write('first', renewed)
    rmSync(pipe)
    execFileSync('mkfifo', [pipe])
    clock.advance(600_000)
    await new Promise((resolve) => setImmediate(resolve))
    const applied = follower.part.apply(settingsWith(uploaded))
    await Promise.race([applied, new Promise((resolve) => setTimeout(resolve, 200))])
    await writeFile(pipe, renewed.certificatePem)
    await applied
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    t.equal(shown.at(-1)?.trunk.keyPem, (await microsoftTenant(settingsWith(uploaded))).trunk.keyPem)
    const before = shown.length
    await follower.part.apply(
      settingsWith(write('other', await issue('other.contoso.com')), {
        sbcFqdn: 'other.contoso.com',
      }),
    )
    await follower.part.apply(settingsWith({}, { kind: 'none' }))
    t.equal(shown.length, before, 'another name or tenant waits for the restart')
    answer = { applied: false, reason: 'the engine says no' }
    await t.rejects(follower.part.apply(settingsWith(write('late', await issue()))), /the engine says no/)
    stop.abort(new Error('stopping'))
    await t.rejects(watching, { message: 'stopping' })
  },
)

void t.test('the whole box: an upload on the page is in force at once, connections stay', async (t) => {
  const box = await Box.prepare({ lab: false })
  t.teardown(async () => {
    await box.kill()
    box.remove()
  })
  await box.start()
  await box.logIn()
  const upload = async (): Promise<void> => {
    const body = { fqdn, ...(await issue()) }
    await box.json('/api/certificates/trunk', { method: 'PUT', body })
  }
  const inForce = async (): Promise<boolean | undefined> =>
    (await box.json<{ trunk: { inForce: boolean } | null }>('/api/certificates')).trunk?.inForce
  const change = async (patch: unknown): Promise<unknown> => {
    const { etag } = await box.json<{ etag: string }>('/api/settings')
    return box.json('/api/settings', { method: 'PATCH', body: patch, headers: { 'if-match': `"${etag}"` } })
  }
  const connect = async (): Promise<tls.TLSSocket> => {
    const socket = tls.connect({ port: box.ports.tls, host: '127.0.0.1', ca: ca.rootPem, servername: fqdn })
    t.teardown(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  await upload()
  t.equal(await inForce(), false, 'no tenant yet')
  const trunkHosts = [{ name: 'sip.contoso.example', port: 1, address: '127.0.0.1' }]
  await change({ tenant: { kind: 'microsoft', tenantId: 't', clientId: 'c', trunkHosts } })
  await box.stop()
  await box.start()
  const carrier = await connect()
  await upload()
  t.equal(await inForce(), true)
  const next = await connect()
  t.not(next.getPeerCertificate().serialNumber, carrier.getPeerCertificate().serialNumber)
  carrier.write('\r\n\r\n')
  t.equal(String(await once(carrier, 'data')), '\r\n', 'who was connected still is')
})
