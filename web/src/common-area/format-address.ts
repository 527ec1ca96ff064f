import { formatMac } from '../format.ts'

/** The MAC address, or the IPEI of a handset in its printed groups. */
export function formatAddress({ mac, ipei }: { mac: string | null; ipei: string | null }): string {
  if (mac !== null) return formatMac(mac)
  return ipei === null ? '' : `${ipei.slice(0, 5)} ${ipei.slice(5, 12)} ${ipei.slice(12)}`
}

/** `1234 5678`: people dial digits in groups. */
export function formatCode(code: string): string {
  return code.replace(/(\d{4})(?=\d)/g, '$1 ')
}
