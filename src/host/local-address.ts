import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Clock } from '#src/base/clock.ts'
import { unmapIpv4 } from '#src/base/net.ts'

/** Tells which of our addresses a peer sees. */
export interface LocalAddressFinder {
  /**
   * The local address that packets to `peer` (address or name) leave from. Never rejects: without a route it is
   * the box's first address, because a call that fails later says more than one that cannot be described.
   */
  toward(peer: string): Promise<string>
}

/** Answers are kept this long: a route may change when a cable is moved or a tunnel comes up. */
const keptMs = 30_000
/** Peers kept at once, oldest dropped first. */
const maxPeers = 1_000
// No packet is sent: connecting a UDP socket only asks the routing table. The port just must not be 0.
const anyPort = 9

/** Lists the machine's addresses, IPv4 first, self-given ones and loopback last, without link-local IPv6 (useless without a zone). */
export function listLocalAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? [])
  // An address that the machine gave itself (RFC 3927) is reached from the same cable only.
  const rank = ({ family, internal, address }: (typeof all)[number]): number =>
    (internal ? 3 : 0) + (family === 'IPv4' ? 0 : 1) + (address.startsWith('169.254.') ? 2 : 0)
  return all
    .filter(({ address }) => !/^fe[89ab]/i.test(address))
    .sort((a, b) => rank(a) - rank(b))
    .map(({ address }) => address)
    .filter((address, index, addresses) => addresses.indexOf(address) === index)
}

/** Makes a finder. Where the box listens on one address only, that is always the answer. */
export function createLocalAddressFinder(options: {
  clock: Clock
  /** Address that the box binds to; `0.0.0.0` or `::` = all. */
  listen: string
  /** Stand-in for the machine's list, used without a route. */
  listAddresses?: () => string[]
}): LocalAddressFinder {
  const { clock, listen, listAddresses = listLocalAddresses } = options
  const fixed = listen === '0.0.0.0' || listen === '::' || listen === '' ? undefined : listen
  const kept = new Map<string, { answer: Promise<string>; untilMs: number }>()

  const find = async (peer: string): Promise<string> => {
    try {
      return await askRouting(peer)
    } catch {
      // Not kept: the route may be back the next moment.
      kept.delete(peer)
      return listAddresses()[0] ?? '127.0.0.1'
    }
  }

  return {
    toward(peer) {
      if (fixed !== undefined) return Promise.resolve(fixed)
      const known = kept.get(peer)
      if (known && known.untilMs > clock.monotonicMs()) return known.answer
      const answer = find(peer)
      kept.delete(peer)
      kept.set(peer, { answer, untilMs: clock.monotonicMs() + keptMs })
      if (kept.size > maxPeers) {
        const [oldest] = kept.keys()
        if (oldest !== undefined) kept.delete(oldest)
      }
      return answer
    },
  }
}

/** Asks the kernel by connecting a UDP socket to the peer. */
async function askRouting(peer: string): Promise<string> {
  const literal = peer.replace(/^\[|\]$/g, '')
  const { address, family } = isIP(literal)
    ? { address: literal, family: isIP(literal) }
    : await lookup(literal)
  return new Promise((resolve, reject) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
    const finish = (settle: () => void): void => {
      socket.close()
      settle()
    }
    socket.once('error', (error) => finish(() => reject(error)))
    socket.once('connect', () => {
      const local = unmapIpv4(socket.address().address)
      finish(() => resolve(local))
    })
    socket.connect(anyPort, address)
  })
}
