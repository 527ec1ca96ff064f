import { familyOf, findDefinition, vendorOfMac } from './catalogue.ts'
import type { DeviceDefinition, DeviceFamily, DeviceModelKind, Vendor } from './definition.ts'
import { readCertificateSubject } from './evidence/certificates.ts'
import type { Claim } from './evidence/claim.ts'
import { readPath, readQuery } from './evidence/paths.ts'
import { readPnp } from './evidence/pnp.ts'
import { readUserAgent } from './evidence/user-agents.ts'
import { familyKinds } from './vendors/families.ts'

/** Where a fact about a device was read, strongest first; `mac-prefix` is a guess from the MAC's first half. */
export type EvidenceSource =
  'certificate' | 'user-agent' | 'sip-user-agent' | 'pnp' | 'query' | 'path' | 'mac-prefix'

/** What a stranger shows of itself; every field is untrusted and is bounded before it is read. */
export interface DeviceEvidence {
  /** Path of the request without the query, as received: not decoded. */
  path?: string | undefined
  /** Query without the question mark. */
  query?: string | undefined
  /** `User-Agent` of an HTTP request. */
  userAgent?: string | undefined
  /** `User-Agent` of a SIP request. */
  sipUserAgent?: string | undefined
  /** A SIP plug-and-play SUBSCRIBE: parameters of its Event, and its request URI. */
  pnp?:
    | {
        vendor?: string | undefined
        model?: string | undefined
        version?: string | undefined
        uri?: string | undefined
      }
    | undefined
  /** Subject of a client certificate whose chain the caller has verified; never one that it has not. */
  certificateSubject?: string | undefined
}

/** What a device is, as far as its evidence tells. */
export interface IdentifiedDevice {
  vendor: Vendor
  /** As the catalogue spells it where it stands there, else as the device does; undefined while unknown. */
  model: string | undefined
  /** Undefined while the model is unknown, and for devices that are recognised but that the box has no files for. */
  family: DeviceFamily | undefined
  kind: DeviceModelKind | undefined
  /** Twelve lower-case hexadecimal digits. */
  mac: string | undefined
  firmware: string | undefined
  /** The row of the catalogue; undefined for a device that is not in the table. */
  definition: DeviceDefinition | undefined
  /** What names the vendor. Only `certificate` proves anything. */
  grade: EvidenceSource
  /** Where each field was read. */
  from: {
    vendor: EvidenceSource
    model: EvidenceSource | undefined
    mac: EvidenceSource | undefined
    firmware: EvidenceSource | undefined
  }
  /** Evidence that contradicts itself: the request must not be served as any of the devices it names. */
  conflict: { field: 'mac' | 'vendor'; values: readonly string[] } | undefined
}

interface SourcedClaim extends Claim {
  source: EvidenceSource
}

function readEvidence(evidence: DeviceEvidence): SourcedClaim[] {
  const read: [EvidenceSource, Claim | undefined][] = [
    ['certificate', readCertificateSubject(evidence.certificateSubject)],
    ['user-agent', readUserAgent(evidence.userAgent)],
    ['sip-user-agent', readUserAgent(evidence.sipUserAgent)],
    ['pnp', evidence.pnp && readPnp(evidence.pnp)],
    ['query', readQuery(evidence.query)],
    ['path', readPath(evidence.path)],
  ]
  return read.flatMap(([source, claim]) => (claim ? [{ ...claim, source }] : []))
}

/**
 * Says what a device is from what it shows; undefined for what no device of ours shows. Evidence that cannot be
 * read counts as absent. Two MACs, or two vendors, in one request are reported as a conflict.
 */
export function identifyDevice(evidence: DeviceEvidence): IdentifiedDevice | undefined {
  const claims = readEvidence(evidence)
  const strongest = <K extends keyof Claim>(field: K): SourcedClaim | undefined =>
    claims.find((claim) => claim[field] !== undefined)

  const macClaim = strongest('mac')
  const prefixVendor = macClaim?.mac === undefined ? undefined : vendorOfMac(macClaim.mac)
  const vendorClaim = strongest('vendor')
  const vendor = vendorClaim?.vendor ?? prefixVendor
  if (vendor === undefined) return undefined

  // A model or version is only believed together with the vendor that it belongs to.
  const sameVendor = claims.filter((claim) => claim.vendor === undefined || claim.vendor === vendor)
  const modelClaim = sameVendor.find(({ model }) => model !== undefined)
  const firmwareClaim = sameVendor.find(({ firmware }) => firmware !== undefined)
  const told = modelClaim?.model
  const definition = told === undefined ? undefined : findDefinition(vendor, told)
  const placed = told === undefined ? undefined : familyOf(vendor, told)
  const family = placed ? placed.family : sameVendor.find((claim) => claim.family)?.family
  return {
    vendor,
    model: definition?.model ?? told,
    family,
    kind: placed?.kind ?? (family && familyKinds[family]),
    mac: macClaim?.mac,
    firmware: firmwareClaim?.firmware,
    definition,
    grade: vendorClaim?.source ?? 'mac-prefix',
    from: {
      vendor: vendorClaim?.source ?? 'mac-prefix',
      model: modelClaim?.source,
      mac: macClaim?.source,
      firmware: firmwareClaim?.source,
    },
    conflict: findConflict(claims, prefixVendor),
  }
}

function findConflict(
  claims: readonly SourcedClaim[],
  prefixVendor: Vendor | undefined,
): IdentifiedDevice['conflict'] {
  const macs = [...new Set(claims.flatMap(({ mac }) => mac ?? []))]
  if (macs.length > 1) return { field: 'mac', values: macs }
  const named = claims.flatMap(({ vendor }) => vendor ?? [])
  const vendors = [...new Set(prefixVendor && named.length > 0 ? [...named, prefixVendor] : named)]
  return vendors.length > 1 ? { field: 'vendor', values: vendors } : undefined
}
