import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { checkClock } from '#src/api/setup/checks/clock.ts'
import { checkDns } from '#src/api/setup/checks/dns.ts'
import { checkGateway } from '#src/api/setup/checks/gateway.ts'
import { checkTeamsDns, checkTeamsOptions, checkTeamsTls } from '#src/api/setup/checks/teams.ts'
import type { CheckView } from '#src/api/schema/setup.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import { startHttpsPeer } from '#test/microsoft/https-peer.ts'
import { freePort } from '#test/peers/free-port.ts'
import { makeCa } from '#test/support/certificates.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { until } from '#test/support/until.ts'
import { startTestApi } from './api-fixture.ts'
import { fakeNetwork } from './fakes.ts'

// Each live check against servers of its own on the loopback: good, bad, silent and hostile ones.
const never = new AbortController().signal

async function udpServer(t: Test, answer: (question: Buffer) => Buffer | undefined): Promise<number> {
  const socket: Socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    const reply = answer(question)
    if (reply) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => void socket.close())
  return socket.address().port
}

/** A DNS server (RFC 1035) that knows the names given here; every other one does not exist. */
async function dnsServer(t: Test, known: Record<string, string>): Promise<string[]> {
  const port = await udpServer(t, (question) => {
    const labels: string[] = []
    let at = 12
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const asked = question.subarray(12, at + 5)
    const address = known[labels.join('.').toLowerCase()]
    const head = Buffer.from(question.subarray(0, 12))
    head.writeUInt16BE(address ? 0x8180 : 0x8183, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(address ? 1 : 0, 6)
    head.writeUInt32BE(0, 8)
    if (!address) return Buffer.concat([head, asked])
    const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
    return Buffer.concat([head, asked, record])
  })
  return [`127.0.0.1:${port}`]
}

/** A time server whose clock is ahead by so many ms; `twist` spoils the answer. */
function timeServer(t: Test, aheadMs: number, twist: (answer: Buffer) => void = () => {}): Promise<number> {
  return udpServer(t, (question) => {
    const answer = Buffer.alloc(48)
    answer[0] = 0x24
    answer[1] = 2
    question.copy(answer, 24, 40, 48)
    const now = (Date.now() + aheadMs) / 1000 + 2_208_988_800
    for (const offset of [32, 40]) {
      answer.writeUInt32BE(Math.floor(now), offset)
      answer.writeUInt32BE(Math.floor((now % 1) * 2 ** 32), offset + 4)
    }
    twist(answer)
    return answer
  })
}

const clockOf = (ntpPort: number, more: { dateUrl?: string; caPem?: string[] } = {}) =>
  checkClock({
    servers: ['127.0.0.1'],
    ntpPort,
    dateUrl: 'https://127.0.0.1:1/',
    caPem: [],
    clock: systemClock,
    signal: never,
    ...more,
  })

t.test('the clock is compared with a time server', async (t) => {
  t.match(await clockOf(await timeServer(t, 200)), { state: 'ok', text: /127\.0\.0\.1 to the second/ })
  t.match(await clockOf(await timeServer(t, 3_000)), { state: 'ok', text: /but for 3 s/ })
  t.match(await clockOf(await timeServer(t, 90_000)), { state: 'failed', text: /90 s behind/ })
  t.match(await clockOf(await timeServer(t, -4 * 3_600_000)), { state: 'failed', text: /4 h ahead of/ })
})

t.test('an answer that is no answer counts as none', async (t) => {
  const spoilt: [string, (answer: Buffer) => void][] = [
    ['another one’s cookie', (answer) => answer.fill(7, 24, 32)],
    ['a refusal (stratum 0)', (answer) => answer.fill(0, 1, 2)],
    ['a server whose clock is not set', (answer) => answer.fill(0xe4, 0, 1)],
    ['a client', (answer) => answer.fill(0x23, 0, 1)],
  ]
  for (const [what, twist] of spoilt) {
    t.match(await clockOf(await timeServer(t, 0, twist)), { state: 'unknown' }, what)
  }
  const short = await udpServer(t, () => Buffer.alloc(20))
  t.match(await clockOf(short), { state: 'unknown' }, 'too short')
})

t.test('without a time server the Date of a web server is taken', async (t) => {
  const { origin, caPem } = await startHttpsPeer(t, (app) => {
    app.get('/', (_request, reply) =>
      reply.header('date', new Date(Date.now() + 60_000).toUTCString()).send('hello'),
    )
  })
  const finding = await clockOf(await freePort(), { dateUrl: `${origin}/`, caPem })
  t.match(finding, { state: 'failed', text: /(59|60|61) s behind 127\.0\.0\.1/ })
})

t.test('DNS: a name that is known, one that is not, and a server that is not there', async (t) => {
  const servers = await dnsServer(t, { 'login.example': '192.0.2.1' })
  t.match(await checkDns({ name: 'login.example', servers, signal: never }), { state: 'ok' })
  t.match(await checkDns({ name: 'other.example', servers, signal: never }), {
    state: 'failed',
    text: /DNS knows no such name/,
    advice: /does not know the internet/,
  })
  const nobody = [`127.0.0.1:${await freePort()}`]
  t.match(await checkDns({ name: 'login.example', servers: nobody, signal: never }), {
    state: 'failed',
    advice: /Check the DNS servers/,
  })
})

t.test('the gateway answers when the kernel has its hardware address', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-arp-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const table = (flags: string): string => {
    const file = join(folder, flags)
    const head = 'IP address       HW type     Flags       HW address            Mask     Device\n'
    writeFileSync(
      file,
      `${head}127.0.0.9        0x1         ${flags}         02:00:00:00:00:01     *        eth0\n`,
    )
    return file
  }
  const clock = new FakeClock()
  const check = (gateways: string[], neighbours: string) =>
    checkGateway({ gateways, neighbours, clock, signal: never })
  t.match(await check(['127.0.0.9'], table('0x2')), { state: 'ok' })
  const silent = check(['127.0.0.9'], table('0x0'))
  for (let looks = 0; looks < 15; looks++) {
    await until(() => clock.pending === 1)
    clock.advance(100)
  }
  t.match(await silent, { state: 'failed', text: 'The gateway 127.0.0.9 does not answer.' })
  t.match(await check(['127.0.0.9'], join(folder, 'none')), { state: 'unknown' })
  t.match(await check([], table('0x2')), { state: 'failed', text: /no gateway/ })
})

t.test('Teams: each signalling host is looked up', async (t) => {
  const settings = defaultSettings()
  const dnsServers = await dnsServer(t, {
    'sip.pstnhub.microsoft.com': '192.0.2.1',
    'sip2.pstnhub.microsoft.com': '192.0.2.2',
  })
  t.match(await checkTeamsDns({ settings, dnsServers, signal: never }), {
    state: 'failed',
    text: 'DNS does not know 1 of 3 signalling hosts of Teams.',
    parts: [
      { name: 'sip.pstnhub.microsoft.com', ok: true, text: '192.0.2.1' },
      { ok: true },
      { name: 'sip3.pstnhub.microsoft.com', ok: false, text: 'DNS knows no such name' },
    ],
  })
})

/** A TLS server as a signalling host, with a folder of files for the settings. */
async function startTrunk(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'branchline-trunk-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [theirCa, ourCa] = await Promise.all([makeCa('their root'), makeCa('our root')])
  const [server, own] = await Promise.all([
    theirCa.issue({ names: ['sip.test'] }),
    ourCa.issue({ names: ['sbc.test'] }),
  ])
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const settings = defaultSettings()
  Object.assign(settings.tenant, {
    kind: 'microsoft',
    tenantId: 't',
    clientId: 'c',
    sbcFqdn: 'sbc.test',
    certificateFile: file('own.pem', own.certificatePem),
    keyFile: file('own.key', own.keyPem),
    trunkCaFile: file('their.pem', theirCa.rootPem),
  })
  const listen = async (options: TlsOptions): Promise<number> => {
    const listener = createTlsServer(
      { cert: server.certificatePem, key: server.keyPem, requestCert: true, ...options },
      (socket) => socket.on('error', () => undefined),
    )
    listener.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    t.teardown(() => void listener.close())
    return (listener.address() as AddressInfo).port
  }
  const dial = (port: number, clock = systemClock) => {
    settings.tenant.trunkHosts = [{ name: 'sip.test', port, address: '127.0.0.1' }]
    return checkTeamsTls({ settings, clock, signal: never })
  }
  return { settings, listen, dial, ourCa }
}

t.test('Teams: a secure connection with both certificates', async (t) => {
  const { listen, dial, ourCa } = await startTrunk(t)
  const refusal = {
    'TLSv1.2': 'hangs up before the connection is secure',
    'TLSv1.3': 'does not take our certificate',
  }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const good = await listen({ ca: ourCa.rootPem, maxVersion })
    t.match(await dial(good), { state: 'ok', parts: [{ ok: true, text: new RegExp(maxVersion) }] })
    const strict = await listen({ ca: (await makeCa('another root')).rootPem, maxVersion })
    t.match(
      await dial(strict),
      { state: 'failed', parts: [{ ok: false, text: refusal[maxVersion] }] },
      `${maxVersion}: ours is refused`,
    )
  }
  t.match(await dial(await freePort()), { parts: [{ ok: false, text: 'refuses the connection' }] })
})

t.test('Teams: somebody in between, a silent host, and no certificate yet', async (t) => {
  const { settings, listen, dial, ourCa } = await startTrunk(t)
  const other = await (await makeCa('inspection')).issue({ names: ['sip.test'] })
  const between = await listen({ ca: ourCa.rootPem, cert: other.certificatePem, key: other.keyPem })
  t.match(await dial(between), { advice: /TLS inspection/, parts: [{ ok: false }] })

  const mute = createServer(() => undefined)
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void mute.close())
  const clock = new FakeClock()
  const waiting = dial((mute.address() as AddressInfo).port, clock)
  await until(() => clock.pending === 1)
  clock.advance(5_000)
  t.match(await waiting, { state: 'failed', parts: [{ ok: false, text: 'does not answer' }] })
  t.equal(clock.pending, 0)

  delete settings.tenant.certificateFile
  t.match(await dial(1), { state: 'failed', text: /tenant\.certificateFile is missing/ })
})

t.test('Teams: OPTIONS as the trunk has seen them', async (t) => {
  const host = { name: 'sip', up: true, lastOkAtMs: 1, lastError: undefined }
  const down = { ...host, name: 'sip2', up: false, lastError: '403 Forbidden' }
  const options = (hosts: (typeof host | typeof down)[], inUse = true) =>
    checkTeamsOptions({ inUse, trunks: [{ name: 'teams', state: 'up', hosts }] })
  t.match(options([host]), { state: 'ok' })
  t.match(options([host, down]), { state: 'ok', text: 'Teams answers OPTIONS on 1 of 2 hosts.' })
  t.match(options([down]), { state: 'failed', parts: [{ ok: false, text: '403 Forbidden' }] })
  t.match(options([{ ...host, up: false }]), { state: 'unknown', text: /only just/ })
  t.match(options([host], false), { state: 'unknown', text: /does not use this tenant yet/ })
})

t.test('a check is run by name, once for two who ask, and its result is kept', async (t) => {
  const dnsServers = await dnsServer(t, { 'login.example': '192.0.2.1' })
  const api = await startTestApi(t, {
    parts: { network: fakeNetwork() },
    change: { clock: systemClock, setup: { probes: { dnsName: 'login.example', dnsServers } } },
  })
  await api.claim()
  const run = (name: string) => api.ask('POST', `/api/setup/checks/${name}`)
  const [one, two] = await Promise.all([run('dns'), run('dns')])
  t.match(one.json(), { id: 'dns', state: 'ok', parts: [] })
  t.strictSame(one.json(), two.json())
  const { checks } = (await api.ask('GET', '/api/setup')).json<{ checks: CheckView[] }>()
  t.strictSame(checks, [one.json()])
  t.match((await run('gateway')).json(), { state: 'failed', text: /no gateway/ })
  t.equal((await run('nonsense')).statusCode, 400)
})
