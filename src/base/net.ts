import { isIP, isIPv6, SocketAddress } from 'node:net'

/** An IP address (never a name) and a port. */
export interface Endpoint {
  host: string
  port: number
}

/** Formats host and port; IPv6 addresses get brackets. */
export function formatEndpoint(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** True for 127.0.0.0/8, ::1 and the IPv4-mapped loopback. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** 4 or 6 for a literal address, 0 for anything else. */
export function ipFamily(host: string): 0 | 4 | 6 {
  return isIP(host) as 0 | 4 | 6
}

/** True when the text is a literal address, not a name. */
export function isIpLiteral(host: string): boolean {
  return isIP(host) !== 0
}

/** Turns `::ffff:192.0.2.1` into `192.0.2.1`, leaves the rest alone. */
export function unmapIpv4(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Writes a literal address as sockets do, so that two texts of one IPv6 address (RFC 5952) compare as equal. */
export function normalIp(address: string): string {
  return isIPv6(address) ? new SocketAddress({ family: 'ipv6', address }).address : address
}

/** True for a literal address, or one with the length of its prefix behind it: `192.0.2.0/24` (RFC 4632). */
export function isSubnet(text: string): boolean {
  const [address = '', length, rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest !== undefined || address.includes('%')) return false
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128))
}

/** Tells the families of what is known to be a name or an address apart, at a hundredth of the cost of checking it. */
export function isIPv6Text(host: string): boolean {
  return host.includes(':')
}
