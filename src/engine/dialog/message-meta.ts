import type { Flow } from '../transport/transport-port.ts'
import type { MessageMeta } from './application.ts'

/** What came in over a flow. */
export function networkMeta(flow: Flow, bytes: number): MessageMeta {
  return { source: 'network', bytes, protocol: flow.protocol, host: flow.remoteHost, port: flow.remotePort }
}

/** A request that went out over a flow. */
export function sentMeta(flow: Flow, bytes: number): MessageMeta {
  return {
    source: 'application',
    bytes,
    protocol: flow.protocol,
    host: flow.advertisedHost,
    port: flow.advertisedPort,
  }
}

/** A response that nobody sent: what we make of silence. */
export const nowhere: MessageMeta = { source: 'network', bytes: 0, protocol: 'udp', host: '', port: 0 }
