/** What the feature codes of the box mean. */
export type Feature =
  | 'do-not-disturb-on'
  | 'presence-reset'
  | 'forward-reset'
  | 'forward-always'
  | 'forward-on-timeout'
  | 'forward-on-busy'
  | 'simultaneous-ring'
  | 'sign-in'
  | 'sign-out'
  | 'enrol'
  | 'voicemail'

/** One feature code as dialled. */
export interface FeatureCall {
  feature: Feature
  /** The star code, for logs: `*33*`. */
  code: string
  /** Number or enrolment code behind it; undefined for the codes that take none. */
  argument: string | undefined
}

interface FeatureCode {
  code: string
  feature: Feature
  argument: 'none' | 'number' | 'code'
}

/** The whole table of feature codes. */
export const featureCodes: readonly FeatureCode[] = [
  { code: '*30*', feature: 'do-not-disturb-on', argument: 'none' },
  { code: '*31*', feature: 'presence-reset', argument: 'none' },
  { code: '*32*', feature: 'forward-reset', argument: 'none' },
  { code: '*33*', feature: 'forward-always', argument: 'number' },
  { code: '*34*', feature: 'forward-on-timeout', argument: 'number' },
  { code: '*36*', feature: 'forward-on-busy', argument: 'number' },
  { code: '*35*', feature: 'simultaneous-ring', argument: 'number' },
  { code: '*50*', feature: 'sign-in', argument: 'none' },
  { code: '*51*', feature: 'sign-out', argument: 'none' },
  { code: '*55*', feature: 'enrol', argument: 'code' },
  { code: '*99*', feature: 'voicemail', argument: 'none' },
]

/** Prefixes behind which a secret is dialled. */
export const secretCodes: readonly string[] = featureCodes
  .filter(({ argument }) => argument === 'code')
  .map(({ code }) => code)

const argumentShape = { none: /^$/, number: /^\+?\d{2,15}$/, code: /^\d{4,12}$/ }

/**
 * Reads a feature code: undefined when the text is none, 'malformed' when its number or code is missing or
 * is not one. A trailing `#` ends the code on phones that send it and may be missing.
 */
export function parseFeatureCode(dialled: string): FeatureCall | 'malformed' | undefined {
  if (!dialled.startsWith('*')) return undefined
  const entry = featureCodes.find(({ code }) => dialled.startsWith(code))
  if (!entry) return undefined
  const argument = dialled.slice(entry.code.length).replace(/#$/, '')
  if (!argumentShape[entry.argument].test(argument)) return 'malformed'
  return { feature: entry.feature, code: entry.code, argument: argument === '' ? undefined : argument }
}

/** What was dialled, as logs and pages may show it: an enrolment code is a secret, also one that was dialled wrong. */
export function withoutSecrets(dialled: string): string {
  const entry = featureCodes.find(({ code, argument }) => argument === 'code' && dialled.startsWith(code))
  return entry ? entry.code : dialled
}
