import type { Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import type { EngineOptions } from '#src/engine/options.ts'
import { labSbcFqdn, labTeamsHosts, loadLabCertificates } from '#src/lab/certificates.ts'
import { labPeople } from '#src/lab/people.ts'
import type { TeamsEdge } from '#src/lab/teams-edge-port.ts'
import { startTeamsEdge } from '#src/lab/teams-edge/start-teams-edge.ts'
import type { TeamsHost, TeamsTrunkEndpoints } from '#src/model/tenant.ts'
import { temporaryDirectory } from '#test/store/store-fixture.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

/** The lab's Teams edge, and what an office needs to have it as its trunk. */
export interface LabTeams {
  edge: TeamsEdge
  trunk: TeamsTrunkEndpoints
  /** Engine options of the office: its TLS listener and how it dials the trunk. */
  engine: Partial<EngineOptions>
  logger: MemoryLogger
  /** Tells the edge where the office listens; call it once the office has started. */
  officeListensAt(tlsPort: number): void
}

/** Starts the edge; `hosts` changes the trunk's host list, for failover. */
export async function startLabTeams(
  t: Test,
  options: { optionsIntervalMs?: number; hosts?: (port: number) => TeamsHost[] } = {},
): Promise<LabTeams> {
  const logger = new MemoryLogger()
  const certificates = await loadLabCertificates({
    dir: temporaryDirectory(t),
    addresses: ['127.0.0.1'],
    nowMs: Date.now(),
    logger,
  })
  let tlsPort: number | undefined
  const edge = await startTeamsEdge({
    people: labPeople,
    certificates,
    listenHost: '127.0.0.1',
    port: 0,
    boxAddress: () => (tlsPort === undefined ? undefined : { host: '127.0.0.1', tlsPort }),
    clock: systemClock,
    random: systemRandom,
    logger,
  })
  t.teardown(() => edge.stop())
  const { caPem, box } = certificates
  const hosts =
    options.hosts?.(edge.port) ??
    labTeamsHosts.map((name) => ({ name, port: edge.port, address: '127.0.0.1' }))
  return {
    edge,
    logger,
    trunk: {
      hosts,
      sbcFqdn: labSbcFqdn,
      ...box,
      caPem: [caPem],
      optionsIntervalMs: options.optionsIntervalMs ?? 60_000,
    },
    engine: {
      listen: [
        { protocol: 'udp', host: '127.0.0.1', port: 0 },
        { protocol: 'tcp', host: '127.0.0.1', port: 0 },
        {
          protocol: 'tls',
          host: '127.0.0.1',
          port: 0,
          tls: {
            fallback: box,
            byName: [{ names: [labSbcFqdn], ...box }],
            trust: [{ name: 'lab', caPem: [caPem], names: ['*'], acceptsServerAuthOnly: true }],
          },
        },
      ],
      outboundTls: [{ names: hosts.map(({ name }) => name), ...box, caPem: [caPem] }],
      staticHosts: hosts.flatMap(({ name, address }) => (address === undefined ? [] : [{ name, address }])),
    },
    officeListensAt: (port) => void (tlsPort = port),
  }
}
