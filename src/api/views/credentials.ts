import type { FastifyRequest } from 'fastify'
import QRCode from 'qrcode'
import { formatEndpoint } from '#src/base/net.ts'
import { found, need, type ApiContext } from '../context.ts'
import type { BoxFacts } from '../ports.ts'
import { reachedHost } from '../reached-host.ts'
import type { CredentialsView } from '../schema/devices.ts'

/** The line's account with a fresh one-time link; whoever calls this has audited it. */
export async function viewCredentials(
  context: ApiContext,
  lineId: string,
  request: FastifyRequest,
): Promise<CredentialsView> {
  const { lines } = need(context, 'store')
  const line = found(lines.find(lineId), 'line', lineId)
  const password = found(lines.password(lineId), 'line', lineId)
  const box = context.options.box()
  const server = box.address ?? reachedHost(request)
  const link = context.links.create(lineId, server)
  // Plain HTTP: a softphone does not know the box's own CA yet, and the link works once, for ten minutes.
  const url = `http://${formatEndpoint(server, context.ports.http)}/p/${link.token}`
  return {
    lineId,
    server,
    realm: box.realm,
    transports: transportsOf(box),
    username: line.username,
    password,
    provisioning: {
      url,
      qrSvg: await QRCode.toString(url, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 }),
      expiresAtMs: link.expiresAtMs,
    },
  }
}

/** The SIP transports that are on, the one to prefer first: TCP keeps its way back through a router open. */
export function transportsOf(box: BoxFacts): CredentialsView['transports'] {
  const all = [
    { protocol: 'tcp', port: box.tcpPort },
    { protocol: 'udp', port: box.udpPort },
    { protocol: 'tls', port: box.tlsPort },
  ] as const
  return all.flatMap(({ protocol, port }) => (port === undefined ? [] : [{ protocol, port }]))
}
