import { modelOfCommonFile } from '../catalogue.ts'
import type { Vendor } from '../definition.ts'
import { isPlain, readMac, type Claim } from './claim.ts'

/** A name of a file as devices ask for it. Groups: mac, number (of a Yealink common file), model. */
interface PathRule {
  /** Undefined: several brands name files so, the MAC's prefix tells more. */
  vendor: Vendor | undefined
  pattern: RegExp
}

const rules: readonly PathRule[] = [
  { vendor: 'Yealink', pattern: /^(?<mac>[0-9a-f]{12})\.boot$/i },
  { vendor: 'Yealink', pattern: /^(?<mac>[0-9a-f]{12})-local\.cfg$/i },
  { vendor: 'Yealink', pattern: /^y0{12}\.boot$/i },
  { vendor: 'Yealink', pattern: /^y0{9}(?<number>\d{3})\.cfg$/i },
  { vendor: 'Poly', pattern: /^(?<mac>[0-9a-f]{12})-(?:phone|web|license)\.cfg$/i },
  { vendor: 'Poly', pattern: /^(?<mac>[0-9a-f]{12})-(?:directory\.xml|(?:boot|app)\.log)$/i },
  { vendor: 'Poly', pattern: /^0{12}(?:\.cfg|-directory\.xml)$/ },
  // Not documented (U): the names of a Spectralink server's two files.
  { vendor: 'Spectralink', pattern: /^(?<mac>[0-9a-f]{12})-(?:config|users)\.xml$/i },
  { vendor: 'AudioCodes', pattern: /^(?<mac>[0-9a-f]{12})\.(?:ini|cfx)$/i },
  { vendor: 'AudioCodes', pattern: /^(?<model>C?\d{3}HD|RX50)\.img$/i },
  // Some phones expand $PSN with the CP- in front, some without.
  { vendor: 'Cisco', pattern: /^(?:CP-)?(?<model>(?:68|78|88)\d{2})-3PCC\.xml$/i },
  { vendor: 'Cisco', pattern: /^(?<model>ata19[12])\.cfg$/i },
  { vendor: 'Snom', pattern: /^snomM\d{3}-(?<mac>[0-9a-f]{12})\.(?:htm|xml)$/i },
  { vendor: undefined, pattern: /^(?<mac>[0-9a-f]{12})\.(?:cfg|xml)$/i },
]

/** Reads the last segment of a request's path; undefined when no device asks for such a file. */
export function readPath(path: string | undefined): Claim | undefined {
  if (!isPlain(path, 512)) return undefined
  const segments = path.split('/')
  if (segments.some((segment) => segment === '..' || segment === '.')) return undefined
  const fileName = segments.at(-1) ?? ''
  if (fileName.length > 48) return undefined
  for (const { vendor, pattern } of rules) {
    const match = pattern.exec(fileName)
    if (!match) continue
    const { mac: macText, number, model } = match.groups ?? {}
    const mac = readMac(macText)
    if (macText !== undefined && mac === undefined) return undefined
    const fromNumber = number === undefined ? undefined : modelOfCommonFile(number.replace(/^0/, ''))
    return { vendor, mac, model: fromNumber ?? model?.toUpperCase() }
  }
  return undefined
}

/** Reads `mac=…` of a query, which adapters are told to send where their User-Agent holds no MAC. */
export function readQuery(query: string | undefined): Claim | undefined {
  if (!isPlain(query, 512)) return undefined
  const values = new URLSearchParams(query).getAll('mac')
  const macs = new Set(values.map((value) => readMac(value)))
  const [mac] = macs
  return macs.size === 1 && mac !== undefined ? { mac } : undefined
}
