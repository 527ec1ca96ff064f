import type { IncomingRequest } from '../sip-port.ts'

/** What a REGISTER may require of us: Path (RFC 3327) and outbound (RFC 5626). */
const known = new Set(['path', 'outbound'])
const maxTags = 20
const maxTagLength = 64

/** True when a Supported or Require value names this option tag; tags have no case (RFC 3261 7.3.1). */
export function hasOption(value: string | undefined, tag: string): boolean {
  if (value === undefined) return false
  for (const part of value.split(',')) if (part.trim().toLowerCase() === tag) return true
  return false
}

/** The required option tags that we do not know, for the Unsupported of a 420 (RFC 3261 8.2.2.3, 10.3 step 2). */
export function unknownRequirements(request: Pick<IncomingRequest, 'get'>): string[] {
  const required = request.get('Require')
  if (required === undefined) return []
  const unknown: string[] = []
  for (const part of required.split(',')) {
    const tag = part.trim()
    if (tag === '' || known.has(tag.toLowerCase())) continue
    // Said back to a stranger: only what is a token.
    unknown.push(tag.slice(0, maxTagLength).replace(/[^\w.!%*`'~+-]/g, '') || 'unknown')
    if (unknown.length === maxTags) break
  }
  return unknown
}
