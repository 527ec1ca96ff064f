import type { Vendor } from '../definition.ts'
import { readMac, type Claim } from './claim.ts'

/**
 * Reads the subject of a device's factory certificate, `CN=…, O=…` in one line or one attribute per line.
 * Seen: Cisco `OU=CP-8841-3PCC, L=<serial>, S=<mac>`. Not documented (U): the others' subjects; they are said to
 * carry the MAC in CN and the maker in O or OU, so that is what is read.
 */
export function readCertificateSubject(subject: string | undefined): Claim | undefined {
  if (subject === undefined || subject.length > 1024 || !/^[\x20-\x7e\n]+$/.test(subject)) return undefined
  const attributes = subject
    .split(/[,\n]/)
    .map((part) => part.trim())
    .map((part) => ({ name: part.slice(0, part.indexOf('=')), value: part.slice(part.indexOf('=') + 1) }))
  const values = (...names: string[]): string[] =>
    attributes.filter(({ name }) => names.includes(name.toUpperCase())).map(({ value }) => value)
  const mac = values('CN', 'S', 'ST', 'SERIALNUMBER')
    .map((value) => readMac(value.replace(/^(?:mac|SEP)[ :=-]?/i, '')))
    .find((value) => value !== undefined)
  const owners = values('O', 'OU')
  const cisco = owners.map((value) => /^CP-(\d{4})(?:-3PCC)?$/.exec(value)?.[1]).find(Boolean)
  const vendor = cisco ? 'Cisco' : owners.map(vendorOfOwner).find(Boolean)
  return vendor && mac ? { vendor, mac, model: cisco } : undefined
}

function vendorOfOwner(owner: string): Vendor | undefined {
  const word = /^[A-Za-z]+/.exec(owner)?.[0].toLowerCase() ?? ''
  const vendors: Readonly<Record<string, Vendor>> = {
    yealink: 'Yealink',
    polycom: 'Poly',
    poly: 'Poly',
    cisco: 'Cisco',
    audiocodes: 'AudioCodes',
    spectralink: 'Spectralink',
  }
  return Object.hasOwn(vendors, word) ? vendors[word] : undefined
}
