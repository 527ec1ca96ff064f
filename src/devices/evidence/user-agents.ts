import type { DeviceFamily, Vendor } from '../definition.ts'
import { isPlain, macPattern, readMac, type Claim } from './claim.ts'

/**
 * One way in which devices name themselves in `User-Agent`. Groups: model, firmware, mac. Patterns are anchored at
 * both ends and repeat only what cannot match in two ways, so a stranger's text costs linear time.
 */
interface UserAgentRule {
  vendor: Vendor
  /** Texts that real devices sent. */
  seen: readonly string[]
  pattern: RegExp
  /** Spells the model as the catalogue does. */
  modelAs?: (model: string) => string
  family?: DeviceFamily
}

const version = '\\d{1,4}(?:\\.\\d{1,5}){1,3}'
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const ciscoVersion = '\\d[0-9A-Za-z.-]{2,30}'

function rule(parts: readonly string[]): RegExp {
  return new RegExp(`^${parts.join('')}$`, 'i')
}

const polyFamilies: Readonly<Record<string, string>> = { SPIP: 'SoundPoint IP', SSIP: 'SoundStation IP' }
const polyModel = (model: string): string => {
  const [family = '', number = ''] = model.split('_')
  return family === 'VVX' ? `VVX${number}` : `${polyFamilies[family] ?? family} ${number}`
}
// The gigabit variants report 440HDG; the table has one row for both.
const audioCodesModel = (model: string): string => model.toUpperCase().replace(/HDG$/, 'HD')

const rules: readonly UserAgentRule[] = [
  {
    vendor: 'Yealink',
    seen: [
      'Yealink SIP-T34W 124.86.0.75 24:9a:d8:88:d0:f4',
      'Yealink W90DM 130.87.0.10 80:5e:c0:d9:c7:44',
      'Yealink SIP-T46S 66.85.0.5 001565aabbcc',
      'Yealink-T46G 28.71.0.81 28.1.0.128.0.0.0',
      'Yealink SIP-T42S 66.84.0.125',
    ],
    pattern: rule([
      'yealink[ -] ?(?:SIP(?: VP)?-)?(?<model>[A-Z]{1,2}\\d{2,3}[A-Z]{0,2}(?:_E2)?) {1,2}',
      '(?<firmware>\\d{1,3}(?:\\.\\d{1,4}){3})',
      `(?: {1,2}${macPattern})?(?: {1,2}\\d{1,3}(?:\\.\\d{1,3}){6})?`,
    ]),
    modelAs: (model) => model.toUpperCase(),
  },
  {
    vendor: 'Poly',
    seen: [
      'FileTransport PolycomVVX-VVX_450-UA/5.9.1.0615 Type/Application',
      'FileTransport PolyCCX-CCX_500-UA/9.4.1.0508 (SN:64167f9f4c90) Type/Application',
    ],
    pattern: rule([
      'FileTransport Poly(?:com)?[A-Z]{2,24}-(?<model>[A-Z]{2,6}_[A-Z]?\\d{2,4})-UA/',
      `(?<firmware>${version})(?: \\(SN:${macPattern}\\))?(?: Type/Application)?`,
    ]),
    modelAs: polyModel,
  },
  {
    // The updater reports its own version: it says nothing about the phone's.
    vendor: 'Poly',
    seen: ['FileTransport PolycomSoundStationIP-SSIP_6000-UA/5.0.3.1667 Type/Updater'],
    pattern: rule([
      'FileTransport Poly(?:com)?[A-Z]{2,24}-(?<model>[A-Z]{2,6}_[A-Z]?\\d{2,4})-UA/',
      `${version}(?: \\(SN:${macPattern}\\))? Type/Updater`,
    ]),
    modelAs: polyModel,
  },
  {
    vendor: 'Poly',
    seen: [
      'PolycomVVX-VVX_350-UA/5.9.5.0614',
      'PolyEdge-Edge_E220-UA/8.0.0.13670_48256712b942',
      'Polycom/5.5.2.8571 PolycomVVX-VVX_310-UA/5.5.2.8571',
    ],
    pattern: rule([
      `(?:Polycom/${version} )?Poly(?:com)?[A-Z]{2,24}-(?<model>[A-Z]{2,6}_[A-Z]?\\d{2,4})-UA/`,
      `(?<firmware>${version})(?:_${macPattern})?`,
    ]),
    modelAs: polyModel,
  },
  {
    vendor: 'Poly',
    seen: ['OBIHAI/OBi202-3.2.2.5921', 'OBIHAI/OBi1032-5.1.11'],
    pattern: rule([`OBIHAI/(?<model>OBi\\d{3,4})-(?<firmware>${version})`]),
  },
  {
    // Over HTTP the adapters send their model and nothing else.
    vendor: 'Poly',
    seen: ['OBi302'],
    pattern: rule(['(?<model>OBi\\d{3,4}|ATA40[02])']),
  },
  {
    vendor: 'Cisco',
    seen: ['Cisco-CP-8841-3PCC/11.0 (00562b043615)', 'Cisco-CP-8865-3PCC/12.0.3_dcf719f39350_<uuid>_<uuid>'],
    pattern: rule([
      `Cisco-CP-(?<model>\\d{4})(?:-3PCC)?/(?<firmware>${ciscoVersion})`,
      `(?: \\(${macPattern}\\)|_${macPattern}(?:_${uuid}){0,2})?`,
    ]),
  },
  {
    vendor: 'Cisco',
    seen: ['Cisco/ATA191-MPP-11-1-0-MSR4 (FCH2443D9R4)', 'Cisco-ATA191-MPP/11-1-0MSR3-9'],
    pattern: rule([
      `Cisco[/-](?<model>ATA19[12])-MPP[/-](?<firmware>${ciscoVersion})(?: \\([A-Z0-9]{8,12}\\))?`,
    ]),
  },
  {
    vendor: 'Cisco',
    seen: ['Cisco/SPA501G-7.4.4 (8843E157DDCC)(CBT141100HR)', 'Cisco/SPA525G-7.4.7 (CBT141900G7)'],
    pattern: rule([
      `Cisco/(?<model>SPA\\d{3}[A-Z]{0,2})-(?<firmware>${version}[a-z]?)`,
      ` (?:\\(${macPattern}\\))?\\([A-Z0-9]{9,12}\\)`,
    ]),
  },
  {
    vendor: 'AudioCodes',
    seen: [
      'AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC)',
      'AUDC-IPPhone/2.0.0_build_15 (420HD; 00908F3BBCBA)',
    ],
    pattern: rule([
      `AUDC-IPPhone/(?<firmware>${version}(?:_build_\\d{1,4})?) `,
      `\\((?<model>C?\\d{3}(?:HDG?)?|RX\\d{2})(?:-Rev\\d{1,2})?; ${macPattern}\\)`,
    ]),
    modelAs: audioCodesModel,
  },
  {
    vendor: 'AudioCodes',
    seen: ['AUDC/3.4.6.604 AUDC-IPPhone-C450HD_UC_3.4.6.604/1'],
    pattern: rule([
      `AUDC/(?<firmware>${version}) AUDC-IPPhone-(?<model>C?\\d{3}(?:HDG?)?|RX\\d{2})`,
      `(?:_UC)?_${version}(?:/\\d{1,3})?`,
    ]),
    modelAs: audioCodesModel,
  },
  {
    vendor: 'AudioCodes',
    seen: ['AUDC-IPPhone/2.2.2'],
    pattern: rule([`AUDC-IPPhone/(?<firmware>2(?:\\.\\d{1,5}){1,3})`]),
    family: 'audc-2x',
  },
  {
    vendor: 'AudioCodes',
    seen: ['Mozilla/4.0 (compatible; AudioCodes; <NAME>;<VER>;<MAC>;<CONF>)'],
    pattern: rule([
      'Mozilla/4\\.0 \\(compatible; AudioCodes; ?(?<model>MP-?[0-9A-Z]{2,6}); ?',
      `(?<firmware>\\d{1,2}\\.\\d{2}[A-Z]\\.\\d{3}\\.\\d{3}); ?${macPattern}; ?[0-9A-Z._-]{0,40}\\)`,
    ]),
    modelAs: (model) => model.toUpperCase(),
  },
  {
    vendor: 'Snom',
    seen: ['Mozilla/4.0 (compatible; Snom M900 05.20.0001 000413b60680)'],
    pattern: rule([
      `Mozilla/4\\.0 \\(compatible; Snom (?<model>M\\d{3}) (?<firmware>${version}) ${macPattern}\\)`,
    ]),
  },
  {
    vendor: 'Gigaset',
    seen: ['Gigaset N870 IP PRO/83.V2.11.0+build.a546b91;7C2F80E0D605'],
    pattern: rule([`Gigaset (?<model>N\\d{3} (?:IP|DM) PRO)/(?<firmware>\\d[0-9A-Z.+]{2,40});${macPattern}`]),
  },
]

/** Not documented (GAP): no User-Agent of a Spectralink server is published, only how its versions are written. */
export const spectralinkUserAgent =
  /^[A-Za-z0-9 ./_();-]{0,80}?\b(?<firmware>PCS\d{2}[A-Za-z_]{1,2})(?![A-Za-z0-9])[A-Za-z0-9 ./_();:-]{0,80}$/

/** Reads a `User-Agent` of either protocol; undefined for one that no device of ours sends. */
export function readUserAgent(text: string | undefined): Claim | undefined {
  if (!isPlain(text, 200)) return undefined
  for (const { vendor, pattern, modelAs, family } of rules) {
    const groups = pattern.exec(text)?.groups
    if (!groups) continue
    const named = groups['mac']
    const mac = readMac(named)
    // An address that no device has: somebody else wrote this.
    if (named !== undefined && mac === undefined) return undefined
    const model = groups['model']
    return {
      vendor,
      model: model && modelAs ? modelAs(model) : model,
      family,
      mac,
      firmware: groups['firmware'],
    }
  }
  const firmware = spectralinkUserAgent.exec(text)?.groups?.['firmware']
  return firmware ? { vendor: 'Spectralink', family: 'spectralink-server', firmware } : undefined
}

/** The texts that every pattern must read, for the tests. */
export const seenUserAgents: readonly string[] = rules.flatMap(({ seen }) => seen)
