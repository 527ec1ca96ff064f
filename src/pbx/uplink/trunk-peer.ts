import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { TeamsHost } from '#src/model/tenant.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'
import type { IncomingRequest } from '../sip-port.ts'

const resolvedForMs = 60_000

/**
 * Decides whether a request comes from the Teams trunk; the only place that does.
 *
 * With our own engine the proof is the peer's client certificate: the engine verified it and names it in a
 * header that it strips from everything else. A drachtio-server does not tell certificates, and would pass a
 * forged header on; there the proof is TLS from an address to which a host of the trunk resolves now.
 */
export class TrunkPeer {
  readonly #hosts: readonly TeamsHost[]
  readonly #foreign: boolean
  readonly #resolve: (name: string) => Promise<string[]>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #resolved = new Map<string, { addresses: string[]; atMs: number }>()

  constructor(options: {
    hosts: readonly TeamsHost[]
    foreignEngine: boolean
    resolveHost: (name: string) => Promise<string[]>
    clock: Clock
    logger: Logger
  }) {
    this.#hosts = options.hosts
    this.#foreign = options.foreignEngine
    this.#resolve = options.resolveHost
    this.#clock = options.clock
    this.#logger = options.logger
  }

  async is(request: IncomingRequest): Promise<boolean> {
    if (this.#hosts.length === 0) return false
    if (!this.#foreign) return this.hasTrunkName(request)
    if (request.protocol !== 'tls') return false
    const addresses = await Promise.all(this.#hosts.map((host) => this.#addressesOf(host)))
    return addresses.flat().includes(request.source_address)
  }

  /** The certificate's names against the hosts', for our own engine. */
  hasTrunkName(request: IncomingRequest): boolean {
    const names = (request.get(peerNamesHeader) ?? '').split(',').map((name) => name.trim().toLowerCase())
    return this.#hosts.some((host) => names.some((name) => covers(name, host.name.toLowerCase())))
  }

  async #addressesOf(host: TeamsHost): Promise<string[]> {
    if (host.address !== undefined) return [host.address]
    const known = this.#resolved.get(host.name)
    const nowMs = this.#clock.monotonicMs()
    if (known && nowMs - known.atMs < resolvedForMs) return known.addresses
    try {
      const addresses = await this.#resolve(host.name)
      this.#resolved.set(host.name, { addresses, atMs: nowMs })
      return addresses
    } catch (error) {
      // While DNS is away the last answer stays good: calls from Teams go on during an outage.
      this.#logger.warn({ host: host.name, error: errorText(error) }, 'a Teams host could not be resolved')
      return known?.addresses ?? []
    }
  }
}

/** RFC 6125 6.4.3: a wildcard stands for exactly one leftmost label. */
function covers(certificateName: string, hostName: string): boolean {
  if (certificateName === hostName) return true
  return (
    certificateName.startsWith('*.') && certificateName.slice(1) === hostName.slice(hostName.indexOf('.'))
  )
}
