import { isLoopback } from '#src/base/net.ts'

/** Where a leg's media ports are bound, and what its description shows instead (`LegMedia`). */
export interface MediaAddress {
  localAddress: string
  advertisedAddress?: string
}

/**
 * What to tell a peer of our media: behind NAT the address that the settings name, as SIP does; but a peer on this
 * very machine (the lab) is not on the other side of any NAT.
 */
export function mediaAddress(localAddress: string, advertised: string | undefined): MediaAddress {
  if (advertised === undefined || isLoopback(localAddress)) return { localAddress }
  return { localAddress, advertisedAddress: advertised }
}
