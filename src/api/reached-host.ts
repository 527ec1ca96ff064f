import type { FastifyRequest } from 'fastify'
import { unmapIpv4 } from '#src/base/net.ts'

/**
 * The host under which this request reached the box, without port or brackets: the Host header when it is a
 * plain name or address, else the address of the socket.
 */
export function reachedHost(request: FastifyRequest): string {
  const host = request.headers.host ?? ''
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]{1,253}))(?::\d{1,5})?$/.exec(host)
  return match?.[1] ?? match?.[2] ?? unmapIpv4(request.socket.localAddress ?? '127.0.0.1')
}
