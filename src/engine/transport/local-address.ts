import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Clock } from '#src/base/clock.ts'

/** Answers dgram's question for an address with the literal itself: no thread pool, no delay. */
export function literalLookup(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, hostname, isIPv6(hostname) ? 6 : 4)
}

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
  const socket = dgram.createSocket({ type: isIPv6(remoteHost) ? 'udp6' : 'udp4', lookup: literalLookup })
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
