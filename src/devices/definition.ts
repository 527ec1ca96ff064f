/** Brands whose devices the table of compatible devices names, and two that are only recognised as foreign. */
export type Vendor = 'Yealink' | 'Poly' | 'Cisco' | 'AudioCodes' | 'Spectralink' | 'Snom' | 'Gigaset'

/** Devices of one family share file names, configuration format and the grammar of firmware versions. */
export type DeviceFamily =
  | 'yealink'
  | 'yealink-dect'
  | 'poly-ucs'
  | 'poly-obi'
  | 'poly-rove'
  | 'cisco-mpp'
  | 'cisco-ata'
  | 'audc-2x'
  | 'audc-3x'
  | 'audc-mp'
  | 'spectralink-server'
  | 'spectralink-handset'

/** What a device is to the box: a DECT base is a radio of a server, a handset is a line behind a server. */
export type DeviceModelKind = 'phone' | 'ata' | 'dect-server' | 'dect-base' | 'dect-handset'

/** How an emergency call finds the caller: looked up at the time of the call, or the address on file. */
export type E911Kind = 'dynamic' | 'static'

/** A page to read on, as the table of compatible devices names it. */
export interface DeviceLink {
  title: string
  url: string
}

/** One model of the table of compatible devices; its firmware strings stand exactly as the table spells them. */
export interface DeviceDefinition {
  /** Stable: `yealink-t46s`, `spectralink-ip-dect-server-400`. */
  id: string
  vendor: Vendor
  model: string
  family: DeviceFamily
  kind: DeviceModelKind
  minimumFirmware: string
  approvedFirmware: string
  e911: E911Kind
  /** The row's own remark; empty for most. What holds for a whole brand stands in {@link VendorNotes}. */
  remarks: string
  /** The links of the brand. */
  links: readonly DeviceLink[]
  /** Common files are named by a number per model with Yealink (`y0000000000NN.cfg`). */
  commonFileNumber?: string
  /** SIP accounts that the device holds; undefined where it is not needed. */
  accounts?: number
  /** Keys beside the display that can be given a meaning; undefined where it is not needed. */
  lineKeys?: number
}

/** What the table says of a brand as a whole. */
export interface VendorNotes {
  vendor: Vendor
  remarks: string
  links: readonly DeviceLink[]
}

/** A model as a vendor file writes it down: what its product line says for all is left out. */
export interface ModelRow {
  model: string
  minimum: string
  approved: string
  e911?: E911Kind
  remarks?: string
  family?: DeviceFamily
  kind?: DeviceModelKind
  commonFileNumber?: string
  accounts?: number
  lineKeys?: number
}

/** One product line: data only, a file per line in `vendors/`. */
export interface ProductLine {
  vendor: Vendor
  family: DeviceFamily
  kind: DeviceModelKind
  models: readonly ModelRow[]
}
