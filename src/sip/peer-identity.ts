/**
 * Carries the DNS names of a verified client certificate to the application, comma-separated. The engine
 * writes it; the transports drop whatever arrives under this name from the network.
 */
export const peerNamesHeader = 'X-Peer-Certificate-Names'
