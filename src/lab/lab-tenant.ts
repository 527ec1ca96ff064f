import { secondsToMs, systemClock, type Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { Random } from '#src/base/random.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { createLabAccounts } from './accounts.ts'
import { labTeamsHosts, loadLabCertificates, type LabCertificates } from './certificates.ts'
import { registerControl } from './control-routes.ts'
import { createDeviceCodes } from './entra/device-codes.ts'
import { registerEntra } from './entra/routes.ts'
import { createTokens } from './entra/tokens.ts'
import { registerGraph } from './graph-routes.ts'
import { bindServer, serveOn } from './https-server.ts'
import { labClientId, labTenantId } from './identity.ts'
import { certificateNames, dialHost, pageHost } from './lab-addresses.ts'
import { registerPages } from './pages.ts'
import { labPeople } from './people.ts'
import type { BoxAddress, StartTeamsEdge, TeamsEdge } from './teams-edge-port.ts'

/** What a lab is started with. */
export interface LabTenantOptions {
  /** Where certificates and keys are kept. */
  dataDir: string
  /** IP address of the HTTPS server; the Teams edge binds where this machine reaches that address. */
  listenHost: string
  /** HTTPS port; 0 = any free port. */
  port: number
  /** SIP/TLS port of the Teams edge; 0 = any free port. */
  edgePort: number
  /** True: a taken HTTPS port is LAB_FAILED. False: another one is taken, and a log line says so. */
  exactPort: boolean
  /** Life of a device code and its polling interval; Entra's 900 s and 5 s unless a test is in a hurry. */
  codeLifetimeMs: number
  codeIntervalMs: number
  startTeamsEdge: StartTeamsEdge
  clock: Clock
  random: Random
  logger: Logger
}

/** A running lab. */
export interface LabTenant {
  endpoints: TenantEndpoints
  /** The lab's own page, reachable from a browser on the network. */
  pageUrl: string
  ports: LabPorts
  /** The box tells where it listens, so that Teams can call it. */
  setBox(address: BoxAddress): void
  stop(): Promise<void>
}

/** Where a lab listens; a restarted one asks for the same. */
export interface LabPorts {
  https: number
  edge: number
}

/** Entra's values for a device code. */
export const entraCodeTimes = { codeLifetimeMs: secondsToMs(900), codeIntervalMs: secondsToMs(5) }

const optionsIntervalMs = secondsToMs(60)

/** Starts the Teams edge and the HTTPS server with Entra, Graph, pages and control API. */
export async function startLabTenant(options: LabTenantOptions): Promise<LabTenant> {
  const { listenHost, clock, random, logger } = options
  const certificates = await loadLabCertificates({
    dir: options.dataDir,
    addresses: certificateNames(listenHost),
    // Certificates are judged by the peers' real clocks, whatever clock the flows run on.
    nowMs: systemClock.nowMs(),
    logger,
  })
  let box: BoxAddress | undefined
  const edge = await startEdge(options, certificates, () => box)
  try {
    const bound = await bindServer({
      host: listenHost,
      port: options.port,
      exactPort: options.exactPort,
      certificate: certificates.https,
      logger,
    })
    const origin = `https://${formatEndpoint(dialHost(listenHost), bound.port)}`
    const pageOrigin = `https://${formatEndpoint(pageHost(listenHost), bound.port)}`
    const app = await serveOn(bound, logger, (scope) => {
      const accounts = createLabAccounts()
      const tokens = createTokens({
        signingKeyPem: certificates.tokenSigningKeyPem,
        issuer: `${origin}/${labTenantId}/v2.0`,
        clock,
        random,
      })
      const codes = createDeviceCodes({
        clock,
        random,
        lifetimeMs: options.codeLifetimeMs,
        intervalMs: options.codeIntervalMs,
      })
      const verificationUri = `${pageOrigin}/devicelogin`
      registerEntra(scope, { origin, verificationUri, codes, tokens, accounts, clock, random })
      registerGraph(scope, { tokens, accounts, clock })
      registerPages(scope, { codes, accounts })
      registerControl(scope, { accounts, edge })
    })
    return {
      endpoints: labEndpoints(origin, dialHost(listenHost), edge.port, certificates),
      pageUrl: `${pageOrigin}/`,
      ports: { https: bound.port, edge: edge.port },
      setBox: (address) => {
        box = address
      },
      stop: async () => {
        await app.close()
        await edge.stop()
      },
    }
  } catch (error) {
    await edge.stop()
    throw error
  }
}

async function startEdge(
  options: LabTenantOptions,
  certificates: LabCertificates,
  boxAddress: () => BoxAddress | undefined,
): Promise<TeamsEdge> {
  const { clock, random, logger } = options
  try {
    return await options.startTeamsEdge({
      people: labPeople,
      certificates,
      listenHost: dialHost(options.listenHost),
      port: options.edgePort,
      boxAddress,
      clock,
      random,
      logger: logger.child({ part: 'teams-edge' }),
    })
  } catch (error) {
    if (error instanceof ApplianceError && error.code === 'LAB_FAILED') throw error
    throw new ApplianceError('LAB_FAILED', { part: 'teams-edge' }, { cause: error })
  }
}

function labEndpoints(
  origin: string,
  address: string,
  edgePort: number,
  certificates: LabCertificates,
): TenantEndpoints {
  return {
    lab: true,
    tenantId: labTenantId,
    clientId: labClientId,
    authorityHost: origin,
    graphUrl: `${origin}/v1.0`,
    caPem: [certificates.caPem],
    trunk: {
      hosts: labTeamsHosts.map((name) => ({ name, port: edgePort, address })),
      sbcFqdn: certificates.sbcFqdn,
      certificatePem: certificates.box.certificatePem,
      keyPem: certificates.box.keyPem,
      caPem: [certificates.caPem],
      optionsIntervalMs,
    },
  }
}
