import { execFileSync, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { startEngine } from '#src/engine/engine.ts'
import type { OutboundTls, ServerTls } from '#src/engine/options.ts'
import { ConnectError } from '#src/engine/transport/tls-advice.ts'
import { createTransportLayer } from '#src/engine/transport/transport-layer.ts'
import type { Flow } from '#src/engine/transport/transport-port.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { freePort } from '#test/peers/free-port.ts'
import { startKamailioTls, type KamailioTlsDial, type KamailioTlsPort } from '#test/peers/kamailio-tls.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { plainCallScenario } from '#test/peers/sipp-scenarios.ts'
import { makeCa, type IssuedCertificate, type TestCa } from '#test/support/certificates.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { portOf, testEngineOptions } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'
import { sdp } from './support/raw-peer.ts'
import { makeRequest, testLimits } from './transport/harness.ts'

/** One line of the matrix. */
export interface MatrixRow {
  peer: string
  case: string
  /** What happened, in few words. */
  outcome: string
  /** What a person should do; '' where all is well. */
  advice: string
}

const dayMs = 86_400_000
const weakKeyBits = '1024'

/** Everybody's certificates, as files for the peers. */
class Papers {
  readonly folder = mkdtempSync(join(tmpdir(), 'tls-matrix-'))
  #count = 0

  write(text: string): string {
    const path = join(this.folder, `${++this.#count}.pem`)
    writeFileSync(path, text)
    return path
  }

  files({ certificatePem, keyPem }: IssuedCertificate): { certificateFile: string; keyFile: string } {
    return { certificateFile: this.write(certificatePem), keyFile: this.write(keyPem) }
  }

  /** A certificate made by openssl: it signs itself, or `by` does. */
  byOpenssl(name: string, key: string[], by?: CertificateFiles): CertificateFiles {
    const certificateFile = this.write('')
    const keyFile = this.write('')
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', ...key, '-nodes', '-days', '2', '-subj', `/CN=${name}`],
        ...['-addext', `subjectAltName=DNS:${name}`, '-keyout', keyFile, '-out', certificateFile],
        ...(by ? ['-CA', by.certificateFile, '-CAkey', by.keyFile] : []),
      ],
      { stdio: 'ignore' },
    )
    return { certificateFile, keyFile }
  }
}

interface CertificateFiles {
  certificateFile: string
  keyFile: string
}

const expired = { notBefore: new Date(Date.now() - 30 * dayMs), notAfter: new Date(Date.now() - dayMs) }
const early = { notBefore: new Date(Date.now() + dayMs), notAfter: new Date(Date.now() + 30 * dayMs) }
const curve = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']

/** Runs every case against Kamailio and openssl; takes some seconds. */
export async function runTlsMatrix(): Promise<MatrixRow[]> {
  const papers = new Papers()
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(papers.folder, { recursive: true, force: true }))
  const carrierCa = await makeCa('Carrier Root')
  const teamsCa = await makeCa('Teams Root')
  const strangerCa = await makeCa('Stranger Root')
  const authorities = { carrierCa, teamsCa, strangerCa }
  const oldCa = papers.byOpenssl('Old Root', curve)
  const carrierRoots = [carrierCa.rootPem, readFileSync(oldCa.certificateFile, 'utf8')]
  const box = await carrierCa.issue({ names: ['box.test'], ips: ['127.0.0.1'] })
  const sbc = await carrierCa.issue({ names: ['sbc.test'] })
  const serverTls: ServerTls = {
    fallback: box,
    byName: [{ names: ['sbc.test'], ...sbc }],
    trust: [
      {
        name: 'carrier',
        caPem: carrierRoots,
        names: ['sip.carrier.test'],
        acceptsServerAuthOnly: false,
      },
      { name: 'teams', caPem: [teamsCa.rootPem], names: ['sip.teams.test'], acceptsServerAuthOnly: true },
    ],
  }
  const ours = await startOurs(stack, serverTls)
  const inbound = await inboundCases(papers, authorities)
  const outbound = await outboundCases(papers, authorities)
  const kamailio = await startKamailioTls({
    ports: outbound.map(({ port }) => port),
    dials: inbound.map(({ dial }) => dial),
    ourPort: ours.port,
  })
  stack.defer(() => kamailio.stop())

  const rows: MatrixRow[] = []
  for (const each of inbound) rows.push(await kamailioCallsUs(each, kamailio.udpPort, ours))
  rows.push(...(await weCallKamailio(outbound, authorities, sbc)))
  rows.push(...(await weCallOpenssl(stack, papers, { oldCa, carrierRoots }, carrierCa)))
  rows.push(...(await opensslCallsUs(papers, ours, carrierCa, oldCa)))
  rows.push(await renewalDuringCalls(ours, serverTls, kamailio.udpPort, carrierCa))
  return rows
}

interface Ours {
  port: number
  logger: MemoryLogger
  engine: Awaited<ReturnType<typeof startEngine>>
  /** Names proved by the sender of an OPTIONS, by its Call-ID; '' = none. */
  heard: Map<string, string>
}

async function startOurs(stack: AsyncDisposableStack, serverTls: ServerTls): Promise<Ours> {
  const logger = new MemoryLogger()
  const engine = await startEngine(
    testEngineOptions({ listen: [{ protocol: 'tls', host: '0.0.0.0', port: 0, tls: serverTls }], logger }),
  )
  stack.defer(() => engine.stop())
  const srf = await connectEmbedded(engine.openMemoryLink())
  stack.defer(() => srf.disconnect())
  const heard = new Map<string, string>()
  srf.use('options', (req, res) => {
    heard.set(
      req.get('Call-ID'),
      req.has('X-Peer-Certificate-Names') ? req.get('X-Peer-Certificate-Names') : '',
    )
    res.send(200)
  })
  srf.use('invite', (req, res) => void srf.createUAS(req, res, { localSdp: sdp }))
  return { port: portOf(engine, 'tls'), logger, engine, heard }
}

interface InboundCase {
  name: string
  dial: KamailioTlsDial
}

/** Kamailio as a client, with another certificate at each of our addresses. */
async function inboundCases(
  papers: Papers,
  { carrierCa, teamsCa, strangerCa }: Authorities,
): Promise<InboundCase[]> {
  const issuing = await carrierCa.intermediate('Carrier Issuing')
  const of = async (ca: TestCa, options: Parameters<TestCa['issue']>[0]) =>
    papers.files(await ca.issue(options))
  const carrier = { names: ['sip.carrier.test'] }
  const cases: [string, Omit<KamailioTlsDial, 'host'>][] = [
    ['right chain, with intermediate', await of(issuing, { ...carrier, eku: ['clientAuth'] })],
    ['serverAuth only, allowed', await of(teamsCa, { names: ['sip.teams.test'], eku: ['serverAuth'] })],
    ['serverAuth only, not allowed', await of(carrierCa, { ...carrier, eku: ['serverAuth'] })],
    ["wrong name: another trunk's", await of(carrierCa, { names: ['sip.teams.test'] })],
    ['expired', await of(carrierCa, { ...carrier, ...expired })],
    ['not yet valid', await of(carrierCa, { ...carrier, ...early })],
    ['unknown CA', await of(strangerCa, carrier)],
    ['self-signed', papers.byOpenssl('sip.carrier.test', curve)],
    ['missing client certificate', { serverName: 'sbc.test' }],
    ['does not trust our CA', { verifiedCaFile: papers.write(strangerCa.rootPem) }],
  ]
  return cases.map(([name, dial], index) => ({ name, dial: { host: `127.0.0.${20 + index}`, ...dial } }))
}

interface Authorities {
  carrierCa: TestCa
  teamsCa: TestCa
  strangerCa: TestCa
}

async function kamailioCallsUs({ name, dial }: InboundCase, udpPort: number, ours: Ours): Promise<MatrixRow> {
  const from = ours.logger.lines.length
  const callId = `matrix-${dial.host}`
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const text = [
    `OPTIONS sip:box.test SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK${callId}`,
    `From: <sip:probe@carrier.test>;tag=1`,
    `To: <sip:box.test>`,
    `Call-ID: ${callId}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    `X-To: ${dial.host}`,
    'Content-Length: 0',
  ].join('\r\n')
  const advice = (): string | undefined =>
    ours.logger.lines
      .slice(from)
      .map(({ fields }) => fields['advice'])
      .find((value) => typeof value === 'string')
  socket.send(`${text}\r\n\r\n`, udpPort, '127.0.0.1')
  await until(() => ours.heard.has(callId) || advice() !== undefined)
  socket.close()
  const names = ours.heard.get(callId)
  const outcome =
    names === undefined ? 'refused our certificate' : names === '' ? 'taken as a phone' : `proved ${names}`
  return { peer: 'Kamailio → us', case: name, outcome, advice: advice() ?? '' }
}

interface OutboundCase {
  name: string
  port: KamailioTlsPort
  serverName: string
}

/** Kamailio as a server, with another certificate on each port. */
async function outboundCases(
  papers: Papers,
  { carrierCa, strangerCa }: Authorities,
): Promise<OutboundCase[]> {
  const issuing = await carrierCa.intermediate('Carrier Issuing')
  const of = async (ca: TestCa, options: Parameters<TestCa['issue']>[0]) =>
    papers.files(await ca.issue(options))
  const right = await of(issuing, { names: ['sip.carrier.test'] })
  const named = { names: ['sip.carrier.test'] }
  const carrierFile = papers.write(carrierCa.rootPem)
  const strangerFile = papers.write(strangerCa.rootPem)
  const cases: [string, Omit<KamailioTlsPort, 'port'>, string?][] = [
    ['right chain, with intermediate', right],
    ['wrong name', await of(carrierCa, { names: ['sip.other.test'] })],
    ['expired', await of(carrierCa, { ...named, ...expired })],
    ['not yet valid', await of(carrierCa, { ...named, ...early })],
    ['unknown CA', await of(strangerCa, named)],
    ['self-signed', papers.byOpenssl('sip.carrier.test', curve)],
    [
      'wants our client certificate, gets it',
      { ...right, requiredCaFile: carrierFile },
      'mutual.carrier.test',
    ],
    ['wants a client certificate, gets none', { ...right, requiredCaFile: carrierFile }],
    ['does not know our CA', { ...right, requiredCaFile: strangerFile }, 'mutual.carrier.test'],
  ]
  return Promise.all(
    cases.map(async ([name, port, serverName]) => ({
      name,
      port: { port: await freePort(), ...port },
      serverName: serverName ?? 'sip.carrier.test',
    })),
  )
}

async function weCallKamailio(
  cases: readonly OutboundCase[],
  { carrierCa }: Authorities,
  own: IssuedCertificate,
): Promise<MatrixRow[]> {
  const rows: MatrixRow[] = []
  for (const { name, port, serverName } of cases) {
    rows.push({
      peer: 'we → Kamailio',
      case: name,
      ...(await callOut(port.port, 'sip.carrier.test', [
        {
          names: ['*'],
          caPem: [carrierCa.rootPem],
          ...(serverName.startsWith('mutual.') ? own : {}),
        },
      ])),
    })
  }
  const closed = await freePort()
  const result = await callOut(closed, 'sip.carrier.test', [{ names: ['*'], caPem: [carrierCa.rootPem] }])
  return [...rows, { peer: 'we → nobody', case: 'nothing listens', ...result }]
}

/** Dials with a transport layer of its own, sends OPTIONS, and tells how it went. */
async function callOut(
  port: number,
  serverName: string,
  outboundTls: OutboundTls[],
): Promise<{ outcome: string; advice: string }> {
  const logger = new MemoryLogger()
  const layer = createTransportLayer({
    listen: [],
    outboundTls,
    limits: testLimits,
    clock: systemClock,
    random: systemRandom,
    logger,
  })
  const ended: { how: string | undefined } = { how: undefined }
  await layer.start({
    onRequest: () => undefined,
    onResponse: ({ status }) => (ended.how ??= `answered ${status}`),
    onFlowClosed: () => (ended.how ??= 'connection lost'),
  })
  try {
    const flow: Flow = await layer.connect({ protocol: 'tls', host: '127.0.0.1', port, serverName })
    const via = `SIP/2.0/TLS 127.0.0.1:${flow.localPort};branch=z9hG4bKmatrix${port};rport`
    layer.send(makeRequest({ via }), flow, () => undefined)
    await until(() => ended.how !== undefined)
    const advice = logger.lines.map(({ fields }) => fields['advice']).find((one) => typeof one === 'string')
    return { outcome: ended.how ?? '', advice: advice ?? '' }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    return { outcome: `not connected: ${error.code}`, advice: error.advice ?? '' }
  } finally {
    await layer.stop()
  }
}

/** openssl as a server that nobody should talk to. */
async function weCallOpenssl(
  stack: AsyncDisposableStack,
  papers: Papers,
  { oldCa, carrierRoots }: { oldCa: CertificateFiles; carrierRoots: string[] },
  ca: TestCa,
): Promise<MatrixRow[]> {
  const right = papers.files(await ca.issue({ names: ['sip.carrier.test'] }))
  const weak = papers.byOpenssl('sip.carrier.test', [`rsa:${weakKeyBits}`], oldCa)
  const cases: [string, { certificateFile: string; keyFile: string }, string[]][] = [
    ['speaks TLS 1.1 only', right, ['-tls1_1']],
    ['weak key: RSA 1024', weak, []],
  ]
  const rows: MatrixRow[] = []
  for (const [name, { certificateFile, keyFile }, more] of cases) {
    const port = await freePort()
    const server = spawn(
      'openssl',
      [
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        '-cert',
        certificateFile,
        '-key',
        keyFile,
        '-quiet',
        '-naccept',
        '2',
        ...['-cipher', 'DEFAULT@SECLEVEL=0'],
        ...more,
      ],
      { stdio: 'ignore' },
    )
    stack.defer(() => void server.kill())
    let result: { outcome: string; advice: string }
    const endMs = performance.now() + 30_000
    do {
      result = await callOut(port, 'sip.carrier.test', [{ names: ['*'], caPem: carrierRoots }])
    } while (result.outcome.endsWith('ECONNREFUSED') && performance.now() < endMs)
    rows.push({ peer: 'we → openssl', case: name, ...result })
  }
  return rows
}

/** What `openssl s_client` prints when it has connected, renegotiated (`R`) or given up. */
async function sClient(args: string[], input = ''): Promise<string> {
  const child = spawn('openssl', ['s_client', ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let text = ''
  const closed = once(child, 'close')
  const answered = new Promise<void>((resolve) => {
    const keep = (chunk: Buffer): void => {
      text += chunk.toString()
      // What comes after the handshake is the answer to our CRLF ping.
      if (/Verify return code|---\n\r?\n/.test(text)) resolve()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
  })
  await Promise.race([answered, closed])
  child.stdin.on('error', () => undefined)
  if (input !== '') {
    child.stdin.write(input)
    await closed
  } else child.stdin.end()
  await closed
  return text
}

async function opensslCallsUs(
  papers: Papers,
  ours: Ours,
  ca: TestCa,
  oldCa: CertificateFiles,
): Promise<MatrixRow[]> {
  const { logger } = ours
  const root = papers.write(ca.rootPem)
  const at = ['-connect', `127.0.0.1:${ours.port}`, '-CAfile', root]
  const weak = papers.byOpenssl('sip.carrier.test', [`rsa:${weakKeyBits}`], oldCa)
  const old = ['-cipher', 'DEFAULT@SECLEVEL=0']
  const cases: [string, string[], string?][] = [
    ['TLS 1.3', ['-tls1_3', '-noservername']],
    ['TLS 1.2', ['-tls1_2', '-noservername']],
    ['TLS 1.1', ['-tls1_1', '-noservername', ...old]],
    ['TLS 1.0', ['-tls1', '-noservername', ...old]],
    ['SNI right', ['-servername', 'sbc.test']],
    ['SNI unknown', ['-servername', 'nobody.test']],
    ['no SNI', ['-noservername']],
    ['renegotiation asked for', ['-tls1_2', '-noservername'], 'R\n'],
    ['weak client key: RSA 1024', ['-cert', weak.certificateFile, '-key', weak.keyFile, ...old]],
  ]
  const rows: MatrixRow[] = []
  for (const [name, args, input] of cases) {
    const from = logger.lines.length
    const failuresBefore = ours.engine.counters()['tlsHandshakeFailures'] ?? 0
    const text = await sClient([...at, ...args], input)
    const protocol = /(?:New|Reused), (TLSv[\d.]+)/.exec(text)?.[1]
    const subject = /subject=CN ?= ?(\S+)/.exec(text)?.[1]
    let outcome = protocol === undefined ? 'refused' : `${protocol}, certificate of ${subject}`
    if (protocol === undefined) {
      await until(() => (ours.engine.counters()['tlsHandshakeFailures'] ?? 0) > failuresBefore)
    }
    if (input !== undefined)
      outcome = /no renegotiation|renegotiation.*(fail|refus)/i.test(text) ? 'refused' : 'TAKEN'
    const advice = logger.lines
      .slice(from)
      .map(({ fields }) => fields['advice'])
      .find((one) => typeof one === 'string')
    rows.push({ peer: 'openssl → us', case: name, outcome, advice: advice ?? '' })
  }
  return rows
}

/** SIPp's calls come through Kamailio's TLS while our certificate is replaced under them. */
async function renewalDuringCalls(
  ours: Ours,
  serverTls: ServerTls,
  udpPort: number,
  ca: TestCa,
): Promise<MatrixRow> {
  const calls = 5
  const accepted = (): number => ours.engine.counters()['connectionsAccepted'] ?? 0
  const sipp = startSipp({
    scenario: plainCallScenario({ talkMs: 1500 }),
    fields: [['caller', 'box']],
    localPort: await freePort(),
    target: `127.0.0.1:${udpPort}`,
    rate: 50,
    calls,
  })
  await until(() => (ours.engine.counters()['dialogsAlive'] ?? 0) === calls)
  const before = accepted()
  const renewed = await ca.issue({ names: ['box.test'], ips: ['127.0.0.1'] })
  const applied = ours.engine.reloadTls({ server: { ...serverTls, fallback: renewed } })
  const broken = ours.engine.reloadTls({ server: { ...serverTls, fallback: { ...renewed, keyPem: 'x' } } })
  const text = await sClient(['-connect', `127.0.0.1:${ours.port}`, '-noservername', '-showcerts'])
  const shown = text.includes(renewed.certificatePem.trim().split('\n')[3] ?? 'nothing')
  const result = await sipp.done
  const kept = accepted() - before === 1
  const facts = [
    applied.applied && shown ? 'new certificate shown' : 'NOT SHOWN',
    `${result.successful} of ${calls} calls ended well`,
    kept ? 'on their old connection' : 'CONNECTION LOST',
    broken.applied ? 'BROKEN ONE TAKEN' : 'a broken one changed nothing',
  ]
  return {
    peer: 'SIPp → Kamailio → us',
    case: 'renewal while calls are up',
    outcome: facts.join(', '),
    advice: broken.applied ? '' : broken.reason,
  }
}
