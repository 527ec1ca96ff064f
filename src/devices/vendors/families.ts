import type { DeviceFamily, DeviceModelKind, Vendor } from '../definition.ts'

/** Which family a model belongs to when it has no row in the catalogue; the first rule that fits decides. */
export interface FamilyRule {
  vendor: Vendor
  /** Against the model as the catalogue would spell it. */
  model: RegExp
  /** Undefined: recognised, but nothing that the box has files for. */
  family: DeviceFamily | undefined
  kind: DeviceModelKind
}

/** Families by the look of a model's name. A W80B or W90B that manages others calls itself …DM. */
export const familyRules: readonly FamilyRule[] = [
  { vendor: 'Yealink', model: /^W(?:75|80|90)B$/, family: 'yealink-dect', kind: 'dect-base' },
  { vendor: 'Yealink', model: /^W\d\d(?:P|B|DM)$/, family: 'yealink-dect', kind: 'dect-server' },
  { vendor: 'Yealink', model: /^W\d\d[HR]$/, family: undefined, kind: 'dect-handset' },
  { vendor: 'Yealink', model: /^(?:T|CP|VP|AX)\d/, family: 'yealink', kind: 'phone' },
  { vendor: 'Poly', model: /^Rove B\d$/, family: 'poly-rove', kind: 'dect-base' },
  { vendor: 'Poly', model: /^Rove \d\d$/, family: 'poly-rove', kind: 'dect-handset' },
  { vendor: 'Poly', model: /^OBi1\d{3}/, family: 'poly-obi', kind: 'phone' },
  { vendor: 'Poly', model: /^(?:OBi|ATA)\d/, family: 'poly-obi', kind: 'ata' },
  { vendor: 'Poly', model: /^/, family: 'poly-ucs', kind: 'phone' },
  { vendor: 'Cisco', model: /^\d{4}$/, family: 'cisco-mpp', kind: 'phone' },
  { vendor: 'Cisco', model: /^ATA\d/, family: 'cisco-ata', kind: 'ata' },
  // The older SPA line takes a flat profile of its own and stands in no table of compatible devices.
  { vendor: 'Cisco', model: /^SPA\d/, family: undefined, kind: 'phone' },
  { vendor: 'AudioCodes', model: /^(?:C?4[45]\d|RX)/, family: 'audc-3x', kind: 'phone' },
  { vendor: 'AudioCodes', model: /^4\d\d/, family: 'audc-2x', kind: 'phone' },
  { vendor: 'AudioCodes', model: /^MP-?\d/, family: 'audc-mp', kind: 'ata' },
  { vendor: 'Spectralink', model: /^\d{4}$/, family: 'spectralink-handset', kind: 'dect-handset' },
  { vendor: 'Spectralink', model: /^/, family: 'spectralink-server', kind: 'dect-server' },
  { vendor: 'Snom', model: /^M\d{3}/, family: undefined, kind: 'dect-server' },
  { vendor: 'Gigaset', model: /^N\d{3}/, family: undefined, kind: 'dect-server' },
]

/** What a device is that shows its family and not its model; only families that are one kind of thing. */
export const familyKinds: Readonly<Partial<Record<DeviceFamily, DeviceModelKind>>> = {
  'cisco-ata': 'ata',
  'audc-mp': 'ata',
  'spectralink-server': 'dect-server',
  'spectralink-handset': 'dect-handset',
}

/** Numbers in the names of Yealink's common files whose models have no row in the catalogue. */
export const otherCommonFileNumbers: Readonly<Record<string, string>> = {
  '25': 'W52P',
  '77': 'W60B',
  '146': 'W70B',
  '175': 'W75B',
}

/** First three octets of the MACs that each vendor is known to use; a hint, never a proof. */
export const vendorPrefixes: readonly { vendor: Vendor; prefixes: readonly string[] }[] = [
  {
    vendor: 'Yealink',
    prefixes: [
      ...['001565', 'e434d7', '805ec0', '805e0c', '249ad8', '3497d7'],
      ...['44dbd2', '644f56', 'b061a9', 'c4fc22', 'ec1da9', 'f01653'],
    ],
  },
  { vendor: 'Poly', prefixes: ['0004f2', '64167f', '482567', 'f04ea4'] },
  { vendor: 'AudioCodes', prefixes: ['00908f'] },
  { vendor: 'Spectralink', prefixes: ['009033'] },
  { vendor: 'Snom', prefixes: ['000413'] },
  { vendor: 'Gigaset', prefixes: ['7c2f80'] },
]
