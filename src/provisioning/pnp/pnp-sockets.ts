import dgram from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { PnpPeer } from './pnp-message.ts'

/** The group and port of SIP PnP (the address of `sip.mcast.net`). */
export const pnpGroup = { address: '224.0.1.75', port: 5060 } as const

/** Both sockets of the PnP server. */
export interface PnpSockets {
  /** Port that answers to our NOTIFYs come to. */
  readonly port: number
  /** Joins on interfaces that came up since; the addresses of all on which the group is joined now. */
  join(): readonly string[]
  send(bytes: Buffer, to: PnpPeer): void
  close(): Promise<void>
}

/** What happens on the sockets. */
export interface PnpTraffic {
  onGroup(bytes: Buffer, from: PnpPeer): void
  onAnswer(bytes: Buffer, from: PnpPeer): void
  onError(error: Error): void
}

/**
 * Opens a socket on the group's own address, which shares port 5060 with the SIP engine's, and one for everything that
 * we send. `join` then joins on every interface, or on the one that the box is bound to. Throws PORT_IN_USE.
 */
export async function openPnpSockets(
  options: { listen: string; group?: { address: string; port: number } },
  traffic: PnpTraffic,
): Promise<PnpSockets> {
  const group = options.group ?? pnpGroup
  const wildcard = options.listen === '0.0.0.0' || options.listen === '::'
  const own = await bind({ address: wildcard ? '0.0.0.0' : options.listen, port: 0 }, false)
  try {
    const shared = await bind(group, true)
    shared.on('message', (bytes, from) => traffic.onGroup(bytes, { host: from.address, port: from.port }))
    shared.on('error', (error) => traffic.onError(error))
    own.on('message', (bytes, from) => traffic.onAnswer(bytes, { host: from.address, port: from.port }))
    own.on('error', (error) => traffic.onError(error))
    return {
      port: own.address().port,
      join() {
        const wanted = wildcard ? listInterfaces() : [options.listen]
        return wanted.filter((address) => isMember(shared, group.address, address, traffic))
      },
      send(bytes, to) {
        own.send(bytes, to.port, to.host, (error) => {
          if (error) traffic.onError(error)
        })
      },
      async close() {
        await Promise.all([close(shared), close(own)])
      },
    }
  } catch (error) {
    await close(own)
    throw new ApplianceError(
      'PORT_IN_USE',
      { port: group.port },
      {
        cause: error,
        text: `Phones cannot look for this box by multicast: ${errorText(error)}`,
        advice: `Stop the other program on UDP port ${group.port}, or point phones here by DHCP option 66.`,
      },
    )
  }
}

function isMember(socket: dgram.Socket, group: string, address: string, traffic: PnpTraffic): boolean {
  try {
    socket.addMembership(group, address)
    return true
  } catch (error) {
    // Once joined, asking again is refused with this code.
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return true
    traffic.onError(error as Error)
    return false
  }
}

function bind(at: { address: string; port: number }, reusePort: boolean): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket({ type: 'udp4', reusePort })
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ ...at, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

function close(socket: dgram.Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve))
}

/** IPv4 addresses that phones can be beside; several on one interface join once. */
function listInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => {
    const first = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal)
    return first ? [first.address] : []
  })
}
