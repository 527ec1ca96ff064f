import type { Server } from 'node:net'
import { unmapIpv4 } from '#src/base/net.ts'

/**
 * What a request may take to arrive, in ms. Without these a visitor who sends a byte now and then holds a socket,
 * and its file descriptor, for as long as they like. An answer may take longer: events are one that never ends.
 */
export const requestTimes = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
}

// A browser keeps six connections to a host; an office behind one address has a few browsers.
const maxPerAddress = 64

/** Refuses connections beyond what one address needs, so that one visitor cannot use up the sockets of the box. */
export function limitConnections(server: Server): void {
  const open = new Map<string, number>()
  server.on('connection', (socket) => {
    const address = unmapIpv4(socket.remoteAddress ?? '')
    const count = (open.get(address) ?? 0) + 1
    if (count > maxPerAddress) {
      socket.destroy()
      return
    }
    open.set(address, count)
    socket.on('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left === 0) open.delete(address)
      else open.set(address, left)
    })
  })
}
