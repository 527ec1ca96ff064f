import { ownText } from '#src/base/own-text.ts'
import { peerNamesHeader } from './peer-identity.ts'

/** How the parser treats a field: most are kept as they are, some are split, counted or checked. */
export type HeaderKind = 'plain' | 'list' | 'contentLength' | 'single' | 'nameAddr' | 'cseq' | 'maxForwards'

/** What the parser knows about a field name. */
export interface HeaderName {
  /** The long form as it is stored and written. */
  readonly name: string
  readonly kind: HeaderKind
  /** Position in a bit set of fields that may come once only; 0 = may repeat. */
  readonly onceBit: number
}

/** Fields without which no request can be answered and no response matched, in the order of their bits. */
export const mandatoryNames = ['From', 'To', 'Call-ID', 'CSeq'] as const

/** All bits of `mandatoryNames`. */
export const mandatoryBits = (1 << mandatoryNames.length) - 1

/** Compact forms, all that IANA registers for SIP. */
export const compactForms: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
}

const knownNames =
  `Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow
Allow-Events Answer-Mode Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition
Content-Encoding Content-Language Content-Length Content-Type CSeq Date Diversion Encryption Error-Info Event Expires
Feature-Caps Flow-Timer From Geolocation Geolocation-Error Geolocation-Routing History-Info Identity Identity-Info
In-Reply-To Info-Package Join Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE Organization
P-Access-Network-Info P-Answer-State P-Asserted-Identity P-Asserted-Service P-Associated-URI P-Called-Party-ID
P-Charging-Function-Addresses P-Charging-Vector P-Early-Media P-Preferred-Identity P-Preferred-Service
P-Served-User P-Visited-Network-ID Path Permission-Missing Policy-Contact Policy-ID Priority Priv-Answer-Mode Privacy
Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Reason-Phrase Record-Route Recv-Info Refer-Events-At
Refer-Sub Refer-To Referred-By Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition Require
Resource-Priority Response-Key Retry-After Route RSeq Security-Client Security-Server Security-Verify Server
Service-Route Session-Expires Session-ID SIP-ETag SIP-If-Match Subject Subscription-State Supported Suppress-If-Match
Target-Dialog Timestamp To Trigger-Consent Unsupported User-Agent User-to-User Via Warning WWW-Authenticate
X-MS-SBC X-MS-UserLocation X-MS-TenantId X-MS-Routing-Policies ${peerNamesHeader}`.split(/\s+/)

const kinds: Readonly<Record<string, HeaderKind>> = {
  Via: 'list',
  Route: 'list',
  'Record-Route': 'list',
  Contact: 'list',
  'Content-Length': 'contentLength',
  From: 'nameAddr',
  To: 'nameAddr',
  'Call-ID': 'single',
  CSeq: 'cseq',
  'Max-Forwards': 'maxForwards',
}

// Fields of which two would let two readers of one message see two different requests.
const onceNames: readonly string[] = [...mandatoryNames, 'Max-Forwards']

function entryOf(name: string): HeaderName {
  const position = onceNames.indexOf(name)
  return { name, kind: kinds[name] ?? 'plain', onceBit: position < 0 ? 0 : 1 << position }
}

// By lower-case name: the authority. By name as written: the cache in front of it, so that the hot path
// neither lower-cases nor validates. Writers choose few spellings, an attacker many: hence the bound.
const byLowerCase = new Map<string, HeaderName>()
const bySpelling = new Map<string, HeaderName>()
const maxSpellings = 2048
const maxNameLength = 128

for (const name of knownNames) {
  const entry = entryOf(name)
  byLowerCase.set(name.toLowerCase(), entry)
  bySpelling.set(name, entry)
}
for (const [compact, name] of Object.entries(compactForms)) {
  const entry = byLowerCase.get(name.toLowerCase()) as HeaderName
  byLowerCase.set(compact, entry)
  bySpelling.set(compact, entry)
}

const token = /^[A-Za-z0-9\-.!%*_+`'~]+$/

/** True for a `token` of RFC 3261 25.1: methods, field names, parameter names. */
export function isToken(text: string): boolean {
  return token.test(text)
}

function capitalise(name: string): string {
  const mixed = name !== name.toLowerCase() && name !== name.toUpperCase()
  if (mixed) return name
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
}

/** Looks a field name up as it was written; undefined when it is not a token (RFC 3261 7.3.1: case does not matter). */
export function lookUpHeaderName(written: string): HeaderName | undefined {
  const cached = bySpelling.get(written)
  if (cached) return cached
  if (written.length > maxNameLength || !isToken(written)) return undefined
  const own = ownText(written)
  const entry = byLowerCase.get(own.toLowerCase()) ?? entryOf(capitalise(own))
  if (bySpelling.size < maxSpellings) bySpelling.set(own, entry)
  return entry
}

interface Spelling {
  readonly written: string
  readonly entry: HeaderName
}

/** The spellings that came last, found without cutting them out of their message; a power of two. */
const recentSpellings = Array.from({ length: 512 }, (): Spelling | undefined => undefined)

/** The same for the name that stands at `from` to `to` in a text. */
export function headerNameAt(text: string, from: number, to: number): HeaderName | undefined {
  const length = to - from
  const mixed = (length * 31 + text.charCodeAt(from)) * 31 + text.charCodeAt(to - 1)
  const slot = mixed & (recentSpellings.length - 1)
  const recent = recentSpellings[slot]
  if (recent?.written.length === length && text.startsWith(recent.written, from)) return recent.entry
  const written = text.slice(from, to)
  const entry = lookUpHeaderName(written)
  if (entry) recentSpellings[slot] = { written: ownText(written), entry }
  return entry
}

/** The long, canonically capitalised form of a field name; names that are no token come back as they are. */
export function canonicalName(written: string): string {
  return lookUpHeaderName(written)?.name ?? written
}
