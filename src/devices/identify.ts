import type { DeviceDefinition, DeviceFamily, DeviceModelKind, Vendor } from './definition.ts'

/** Where a fact about a device was read. */
export type EvidenceSource = 'certificate' | 'user-agent' | 'sip-user-agent' | 'pnp' | 'query' | 'path'

/** What a stranger shows of itself; every field is untrusted and is bounded before it is read. */
export interface DeviceEvidence {
  /** Path of the request without the query, as received. */
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
  /** Undefined for devices that the box recognises but has no files for. */
  family: DeviceFamily | undefined
  kind: DeviceModelKind | undefined
  /** Twelve lower-case hexadecimal digits. */
  mac: string | undefined
  firmware: string | undefined
  /** The row of the catalogue; undefined for a device that is not in the table. */
  definition: DeviceDefinition | undefined
  /** The strongest evidence that names the vendor. Only `certificate` proves anything. */
  grade: EvidenceSource
  /** Where each field was read. */
  from: { vendor: EvidenceSource; model?: EvidenceSource; mac?: EvidenceSource; firmware?: EvidenceSource }
  /** Evidence that contradicts itself: the request must not be served as any of the devices it names. */
  conflict: { field: 'mac' | 'vendor'; values: readonly string[] } | undefined
}
