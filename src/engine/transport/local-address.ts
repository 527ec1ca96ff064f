import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Clock } from '#src/base/clock.ts'

type Lookup = (
  hostname: string,
  options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
) => void

/** Answers dgram's question for an IPv4 address with the address itself: no thread pool, no delay. */
export const literalLookup4: Lookup = (hostname, _options, callback) => callback(null, hostname, 4)

/** The same for IPv6. */
export const literalLookup6: Lookup = (hostname, _options, callback) => callback(null, hostname, 6)

/** True for the addresses that mean "every interface". */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

const keepForMs = 60_000
const maxRemembered = 8192

/**
 * Finds the address this machine uses toward a peer, for listeners bound to every interface: the kernel's
 * routing table is asked by connecting a UDP socket, which sends nothing. Remembered for a minute, since DHCP
 * and routes change.
 */
export class LocalAddresses {
  readonly #clock: Clock
  readonly #known = new Map<string, { address: string; untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The local address toward `remoteHost`, or undefined when there is no route to it. */
  toward(remoteHost: string): string | undefined {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#known.get(remoteHost)
    if (known && known.untilMs > nowMs) return known.address
    const address = askKernel(remoteHost)
    if (address === undefined) return undefined
    if (this.#known.size >= maxRemembered) this.#known.clear()
    this.#known.set(remoteHost, { address, untilMs: nowMs + keepForMs })
    return address
  }
}

// With a lookup that answers at once, bind and connect finish inside their calls.
function askKernel(remoteHost: string): string | undefined {
  const socket = isIPv6(remoteHost)
    ? dgram.createSocket({ type: 'udp6', lookup: literalLookup6 })
    : dgram.createSocket({ type: 'udp4', lookup: literalLookup4 })
  // A peer without route is an ordinary case, reported by address() throwing below.
  socket.on('error', () => undefined)
  try {
    socket.bind({ port: 0, exclusive: true })
    socket.connect(5060, remoteHost)
    socket.remoteAddress()
    return socket.address().address
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}
