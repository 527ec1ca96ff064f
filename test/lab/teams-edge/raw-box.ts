import type { Test } from 'tap'
import type { Clock } from '#src/base/clock.ts'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { startEngine } from '#src/engine/engine.ts'
import { labTeamsHosts, loadLabCertificates, type LabCertificates } from '#src/lab/certificates.ts'
import { labPeople } from '#src/lab/people.ts'
import type { BoxAddress, TeamsEdge } from '#src/lab/teams-edge-port.ts'
import { edgeSip, type EdgeSip, type EdgeReply, type EdgeRequest } from '#src/lab/teams-edge/edge-sip.ts'
import { startTeamsEdge } from '#src/lab/teams-edge/start-teams-edge.ts'
import { createMediaEndpoints, type RunningMediaEndpoints } from '#src/media/endpoint/media-endpoints.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

export const host = '127.0.0.1'
export const boxNumber = '+493055509001'

/** A box without anything in it: an engine with the lab's trunk certificate, and endpoints. */
export interface RawBox {
  sip: EdgeSip
  /** For what the adapter of the edge does not do: re-INVITE, REFER. */
  srf: Awaited<ReturnType<typeof connectEmbedded>>
  endpoints: RunningMediaEndpoints
  tlsPort: number
  /** INVITEs of Teams, one after the other. */
  nextInvite(): Promise<{ request: EdgeRequest; reply: EdgeReply }>
  /** Status and sender of the OPTIONS that Teams sent. */
  nextOptions(): Promise<EdgeRequest>
  stop(): Promise<void>
}

/** The edge of the lab with a raw box beside it. */
export interface EdgeAndBox {
  edge: TeamsEdge
  box: RawBox
  certificates: LabCertificates
  edgeLog: MemoryLogger
  /** Request-URI of a number in Teams. */
  teamsUri(number: string, name?: string): string
  contact: string
}

let made: Promise<LabCertificates> | undefined

/** The lab's certificates, made once per test process: RSA keys take a second. */
export function certificatesFor(dir: string): Promise<LabCertificates> {
  made ??= loadLabCertificates({ dir, addresses: [host], nowMs: Date.now(), logger: silentLogger })
  return made
}

/** Starts both over mutual TLS on free ports; stopped by the test's end. */
export async function startEdgeAndBox(
  t: Test,
  options: { dir: string; clock?: Clock; withClientCertificate?: boolean; boxKnown?: boolean },
): Promise<EdgeAndBox> {
  const certificates = await certificatesFor(options.dir)
  const box = await startRawBox(certificates, options.withClientCertificate ?? true)
  const edgeLog = new MemoryLogger()
  const address: BoxAddress | undefined =
    options.boxKnown === false ? undefined : { host, tlsPort: box.tlsPort }
  const edge = await startTeamsEdge({
    people: labPeople,
    certificates,
    listenHost: host,
    port: 0,
    boxAddress: () => address,
    clock: options.clock ?? systemClock,
    random: systemRandom,
    logger: edgeLog,
  })
  t.teardown(async () => {
    await edge.stop()
    await box.stop()
  })
  return {
    edge,
    box,
    certificates,
    edgeLog,
    contact: `<sip:${boxNumber}@${certificates.sbcFqdn}:${box.tlsPort};transport=tls>`,
    teamsUri: (number, name = labTeamsHosts[0] ?? '') =>
      `sip:${number}@${name}:${edge.port};user=phone;transport=tls`,
  }
}

async function startRawBox(certificates: LabCertificates, withClientCertificate: boolean): Promise<RawBox> {
  const { certificatePem, keyPem } = certificates.box
  const caPem = [certificates.caPem]
  const engine = await startEngine({
    listen: [
      {
        protocol: 'tls',
        host,
        port: 0,
        advertisedHost: certificates.sbcFqdn,
        tls: {
          fallback: { certificatePem, keyPem },
          byName: [],
          trust: [{ name: 'lab', caPem: caPem, names: ['*'], acceptsServerAuthOnly: true }],
        },
      },
    ],
    outboundTls: [{ names: ['*'], caPem, ...(withClientCertificate && { certificatePem, keyPem }) }],
    staticHosts: labTeamsHosts.map((name) => ({ name, address: host })),
    limits: {
      maxMessageBytes: 65_536,
      maxHeaderBytes: 32_768,
      maxConnections: 16,
      maxConnectionsPerSource: 16,
      halfMessageTimeoutMs: 10_000,
      idleTimeoutMs: 600_000,
    },
    timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 },
    door: undefined,
    userAgent: 'raw box',
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  const srf = await connectEmbedded(engine.openMemoryLink())
  const sip = edgeSip(srf)
  const endpoints = createMediaEndpoints({ clock: systemClock, random: systemRandom, logger: silentLogger })
  const invites = new Mailbox<{ request: EdgeRequest; reply: EdgeReply }>()
  const options = new Mailbox<EdgeRequest>()
  sip.handle('invite', (request, reply) => invites.put({ request, reply }))
  sip.handle('options', (request, reply) => {
    reply.send(200, 'OK', {})
    options.put(request)
  })
  return {
    sip,
    srf,
    endpoints,
    tlsPort: engine.listeners[0]?.port ?? 0,
    nextInvite: () => invites.take(),
    nextOptions: () => options.take(),
    async stop() {
      endpoints.close()
      srf.disconnect()
      await engine.stop()
    },
  }
}

/** Keeps what came until somebody asks, and who asks until something comes. */
class Mailbox<Item> {
  readonly #items: Item[] = []
  readonly #waiting: ((item: Item) => void)[] = []

  put(item: Item): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(item)
    else this.#items.push(item)
  }

  take(): Promise<Item> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
