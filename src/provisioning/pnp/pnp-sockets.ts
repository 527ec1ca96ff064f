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
  /** Addresses of the interfaces on which the group was joined. */
  readonly joined: readonly string[]
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
 * we send. Joins on every interface, or on the one that the box is bound to. Throws PORT_IN_USE when no interface
 * takes the group.
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
    const joined = (wildcard ? listInterfaces() : [options.listen]).filter((address) => {
      try {
        shared.addMembership(group.address, address)
        return true
      } catch (error) {
        traffic.onError(error as Error)
        return false
      }
    })
    if (joined.length === 0) {
      await close(shared)
      throw new ApplianceError(
        'PORT_IN_USE',
        { group: group.address },
        {
          text: 'No network interface takes part in the multicast group of phones that look for a server.',
          advice: 'Connect the network and restart, or point phones here by DHCP option 66.',
        },
      )
    }
    shared.on('message', (bytes, from) => traffic.onGroup(bytes, { host: from.address, port: from.port }))
    shared.on('error', (error) => traffic.onError(error))
    own.on('message', (bytes, from) => traffic.onAnswer(bytes, { host: from.address, port: from.port }))
    own.on('error', (error) => traffic.onError(error))
    return {
      port: own.address().port,
      joined,
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
    if (error instanceof ApplianceError) throw error
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
