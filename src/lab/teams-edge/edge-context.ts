import type { Clock } from '#src/base/clock.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { MediaEndpoints } from '#src/media/endpoint/media-endpoint.ts'
import type { BoxAddress } from '../teams-edge-port.ts'
import type { CallList } from './call-list.ts'
import type { HeaderFields, EdgeSip } from './edge-sip.ts'
import type { TeamsClients } from './teams-clients.ts'

/** What every story of the edge is told with. */
export interface EdgeContext {
  sip: EdgeSip
  endpoints: MediaEndpoints
  calls: CallList
  clients: TeamsClients
  /** The running calls; stopping it ends them. */
  lifetime: Lifetime
  /** Media and SIP bind here. */
  listenHost: string
  /** sip, sip2 and sip3, in this order. */
  hosts: readonly string[]
  port: number
  /** FQDN of the box's trunk. */
  trunkFqdn: string
  boxAddress(): BoxAddress | undefined
  clock: Clock
  logger: Logger
}

/** Methods that the edge takes; Direct Routing takes no REFER from a trunk. */
const allow = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY'

/** The header fields that each request and answer of the edge carries; `host` is the name it was called by. */
export function edgeHeaders(context: EdgeContext, host: string): HeaderFields {
  return { Contact: `<sip:${host}:${context.port};transport=tls>`, Allow: allow }
}

/** The name a request was sent to, when it is one of ours; else the first. */
export function calledHost(context: EdgeContext, host: string | undefined): string {
  return context.hosts.find((name) => name === host) ?? (context.hosts[0] as string)
}

/** Request-URI of something at the box; undefined while the box has not told where it is. */
export function boxUri(context: EdgeContext, user: string | undefined): string | undefined {
  const box = context.boxAddress()
  if (!box) return undefined
  const where = `${context.trunkFqdn}:${box.tlsPort}`
  return user === undefined ? `sip:${where};transport=tls` : `sip:${user}@${where};user=phone;transport=tls`
}
