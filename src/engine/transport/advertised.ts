import type { ListenOptions } from '../options.ts'
import { isWildcard, type LocalAddresses } from './local-address.ts'
import type { ListenerAddress } from './transport-port.ts'

/** The bound listener that a flow belongs to, as far as its addresses go. */
export interface BoundListener {
  readonly options: ListenOptions
  /** Filled in when it was 0 in the options. */
  readonly port: number
}

/** Our own address toward this peer, as it would stand in an IP header. */
export function localHostToward(host: string, remoteHost: string, addresses: LocalAddresses): string {
  return isWildcard(host) ? (addresses.toward(remoteHost) ?? host) : host
}

/** What a listener says of itself when no peer is in sight. */
export function listenerAddress(listener: BoundListener): ListenerAddress {
  const { protocol, host, advertisedHost } = listener.options
  return {
    protocol,
    host,
    port: listener.port,
    advertisedHost: advertisedHost ?? host,
    advertisedPort: listener.port,
  }
}
