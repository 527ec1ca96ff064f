import { hostname, networkInterfaces } from 'node:os'

/** IP address at which this machine itself reaches what listens on `listenHost`. */
export function dialHost(listenHost: string): string {
  if (listenHost === '0.0.0.0') return '127.0.0.1'
  return listenHost === '::' ? '::1' : listenHost
}

/** Host for a browser elsewhere on the network: the first outside address when all are listened on. */
export function pageHost(listenHost: string): string {
  if (!isWildcard(listenHost)) return listenHost
  return outsideAddresses().find((address) => address.includes('.')) ?? dialHost(listenHost)
}

/** Everything that the HTTPS certificate must cover besides localhost. */
export function certificateNames(listenHost: string): string[] {
  return isWildcard(listenHost) ? [hostname(), ...outsideAddresses()] : [listenHost]
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function outsideAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((one) => !one.internal && !one.address.startsWith('fe80:'))
    .map((one) => one.address)
}
