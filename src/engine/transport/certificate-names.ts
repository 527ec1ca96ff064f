import { isIP } from 'node:net'
import type { X509Certificate } from 'node:crypto'

/** Who a certificate says it belongs to. */
export interface CertificateNames {
  /** DNS names and the hosts of SIP URIs, lower-case; may hold wildcards. */
  dns: string[]
  ips: string[]
}

// `DNS:a, IP Address:1.2.3.4, URI:"sip:a, b"`: Node quotes values that hold a comma or a quote.
function splitAltNames(text: string): { kind: string; value: string }[] {
  const entries: { kind: string; value: string }[] = []
  for (const match of text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const written = match[2] as string
    let value = written
    if (written.startsWith('"')) {
      try {
        value = String(JSON.parse(written))
      } catch {
        continue
      }
    }
    entries.push({ kind: (match[1] as string).trim(), value })
  }
  return entries
}

/**
 * Reads the identities of a certificate (RFC 5922 7.1): subjectAltName DNS names, SIP URIs without user part, and
 * addresses; the common name only where there is no subjectAltName at all.
 */
export function namesOf(certificate: X509Certificate): CertificateNames {
  const dns = new Set<string>()
  const ips: string[] = []
  const altNames = certificate.subjectAltName
  if (altNames === undefined || altNames === '') {
    const commonName = /^CN=(.+)$/m.exec(certificate.subject)?.[1]
    if (commonName !== undefined && isDnsName(commonName)) dns.add(commonName.toLowerCase())
    return { dns: [...dns], ips }
  }
  for (const { kind, value } of splitAltNames(altNames)) {
    if (kind === 'DNS' && isDnsName(value)) dns.add(value.toLowerCase())
    else if (kind === 'IP Address') ips.push(value)
    else if (kind === 'URI') {
      const host = /^sips?:([^@;?:]+)$/i.exec(value)?.[1]
      if (host !== undefined && isDnsName(host)) dns.add(host.toLowerCase())
    }
  }
  return { dns: [...dns], ips }
}

function isDnsName(text: string): boolean {
  return (
    text.length <= 253 &&
    isIP(text) === 0 &&
    /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)
  )
}

/** True when `pattern`, perhaps with one leading `*` label, covers `name` (RFC 6125 6.4.3: one label, leftmost). */
export function coversName(pattern: string, name: string): boolean {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const given = pattern.toLowerCase()
  if (given === wanted) return true
  if (!given.startsWith('*.')) return false
  const dot = wanted.indexOf('.')
  // `*.com` would speak for everybody.
  return dot > 0 && wanted.slice(dot) === given.slice(1) && given.indexOf('.', 2) > 0
}

/** True when the certificate speaks for this host, a name or an address. */
export function speaksFor(names: CertificateNames, host: string): boolean {
  if (isIP(host) !== 0) return names.ips.some((ip) => sameAddress(ip, host))
  return names.dns.some((pattern) => coversName(pattern, host))
}

function sameAddress(first: string, second: string): boolean {
  return canonicalAddress(first) === canonicalAddress(second)
}

// IPv6 is written in many ways; the URL parser knows the one canonical form.
function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address
  const url = `http://[${address}]/`
  return URL.canParse(url) ? new URL(url).hostname : address
}
