import { hash, timingSafeEqual } from 'node:crypto'
import { skipQuoted } from './params.ts'

/** The algorithms we speak; RFC 8760 adds SHA-256 to SIP. Others are refused. */
export type DigestAlgorithm = 'MD5' | 'SHA-256'

/** What a server asks (WWW-Authenticate, Proxy-Authenticate). */
export interface DigestChallenge {
  realm: string
  nonce: string
  algorithm: DigestAlgorithm
  /** True when qop "auth" is offered; false is the older form of RFC 2069. */
  qopAuth: boolean
  opaque?: string
  stale?: boolean
}

/** What a client answers (Authorization, Proxy-Authorization). */
export interface DigestCredentials {
  username: string
  realm: string
  nonce: string
  /** The digest-uri as written. */
  uri: string
  /** Lower-case hexadecimal. */
  response: string
  algorithm: DigestAlgorithm
  opaque?: string
  /** Present when qop=auth was used. */
  qop?: { nc: string; cnonce: string }
}

/** Longest header value that is looked at: real ones stay under 1 kB. */
const maxValueLength = 4096
const maxDirectives = 32

const quote = 0x22

// Reads `Digest name=value, name="value"`: undefined when it is another scheme, too long, or broken.
function directivesOf(value: string): Map<string, string> | undefined {
  if (value.length > maxValueLength || !/^digest[ \t]/i.test(value)) return undefined
  const directives = new Map<string, string>()
  let at = 7
  while (at < value.length) {
    while (at < value.length && /[ \t,]/.test(value[at] as string)) at++
    if (at >= value.length) break
    const equals = value.indexOf('=', at)
    if (equals < 0) return undefined
    const name = value.slice(at, equals).trim().toLowerCase()
    at = equals + 1
    while (at < value.length && /[ \t]/.test(value[at] as string)) at++
    let text: string
    if (value.charCodeAt(at) === quote) {
      const end = skipQuoted(value, at)
      if (end < 0) return undefined
      text = value.slice(at + 1, end - 1)
      if (text.includes('\\')) text = text.replace(/\\([\s\S])/g, '$1')
      at = end
    } else {
      let end = value.indexOf(',', at)
      if (end < 0) end = value.length
      text = value.slice(at, end).trim()
      at = end
    }
    // A directive given twice means two readers could check two different answers.
    if (name === '' || directives.has(name) || directives.size >= maxDirectives) return undefined
    directives.set(name, text)
  }
  return directives
}

function algorithmOf(text: string | undefined): DigestAlgorithm | undefined {
  if (text === undefined) return 'MD5'
  const upper = text.toUpperCase()
  return upper === 'MD5' || upper === 'SHA-256' ? upper : undefined
}

/** Parses one challenge; undefined when it is not a Digest challenge that we can answer. */
export function parseDigestChallenge(value: string): DigestChallenge | undefined {
  const directives = directivesOf(value)
  const realm = directives?.get('realm')
  const nonce = directives?.get('nonce')
  const algorithm = algorithmOf(directives?.get('algorithm'))
  if (!directives || realm === undefined || nonce === undefined || !algorithm) return undefined
  const qop = directives.get('qop')
  const qopAuth = qop !== undefined && /(?:^|,)[ \t]*auth[ \t]*(?:,|$)/i.test(qop)
  // Only auth-int offered: RFC 7616 3.3 does not allow falling back to no qop at all.
  if (qop !== undefined && !qopAuth) return undefined
  const challenge: DigestChallenge = { realm, nonce, algorithm, qopAuth }
  const opaque = directives.get('opaque')
  if (opaque !== undefined) challenge.opaque = opaque
  if (directives.get('stale')?.toLowerCase() === 'true') challenge.stale = true
  return challenge
}

/** Parses credentials; undefined when a required directive is missing, malformed or of an unknown algorithm. */
export function parseDigestCredentials(value: string): DigestCredentials | undefined {
  const directives = directivesOf(value)
  if (!directives) return undefined
  const username = directives.get('username')
  const realm = directives.get('realm')
  const nonce = directives.get('nonce')
  const uri = directives.get('uri')
  const response = directives.get('response')?.toLowerCase()
  const algorithm = algorithmOf(directives.get('algorithm'))
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined)
    return undefined
  if (!algorithm || response?.length !== digestLength[algorithm] || !/^[0-9a-f]+$/.test(response))
    return undefined
  const credentials: DigestCredentials = { username, realm, nonce, uri, response, algorithm }
  const opaque = directives.get('opaque')
  if (opaque !== undefined) credentials.opaque = opaque
  const qop = directives.get('qop')
  if (qop !== undefined) {
    const nc = directives.get('nc')
    const cnonce = directives.get('cnonce')
    if (qop.toLowerCase() !== 'auth' || !nc || !/^[0-9a-fA-F]{8}$/.test(nc) || !cnonce) return undefined
    credentials.qop = { nc, cnonce }
  }
  return credentials
}

const digestLength: Readonly<Record<DigestAlgorithm, number>> = { MD5: 32, 'SHA-256': 64 }
const hashName: Readonly<Record<DigestAlgorithm, string>> = { MD5: 'md5', 'SHA-256': 'sha256' }

function hexHash(algorithm: DigestAlgorithm, text: string): string {
  return hash(hashName[algorithm], text, 'hex')
}

/** H(username:realm:password), lower-case hexadecimal: what a registrar stores instead of the password. */
export function ha1(identity: {
  username: string
  realm: string
  password: string
  algorithm: DigestAlgorithm
}): string {
  return hexHash(identity.algorithm, `${identity.username}:${identity.realm}:${identity.password}`)
}

/** The response value that proves knowledge of HA1 (RFC 7616 3.4.1; without qop RFC 2069). */
export function digestResponse(proof: {
  ha1: string
  nonce: string
  method: string
  uri: string
  algorithm: DigestAlgorithm
  qop?: { nc: string; cnonce: string } | undefined
}): string {
  const ha2 = hexHash(proof.algorithm, `${proof.method}:${proof.uri}`)
  const middle = proof.qop ? `${proof.nonce}:${proof.qop.nc}:${proof.qop.cnonce}:auth` : proof.nonce
  return hexHash(proof.algorithm, `${proof.ha1}:${middle}:${ha2}`)
}

/** Compares two hexadecimal digests in a time that does not depend on where they differ. */
export function digestEquals(expected: string, given: string): boolean {
  const first = Buffer.from(expected, 'latin1')
  const second = Buffer.from(given, 'latin1')
  return first.length === second.length && timingSafeEqual(first, second)
}

/** True when the credentials prove the stored HA1 for a request of this method. */
export function verifyDigest(credentials: DigestCredentials, storedHa1: string, method: string): boolean {
  const { nonce, uri, algorithm, qop } = credentials
  return digestEquals(
    digestResponse({ ha1: storedHa1, nonce, method, uri, algorithm, qop }),
    credentials.response,
  )
}

/** The nonce count as a number; 0 without qop. */
export function nonceCountOf(credentials: DigestCredentials): number {
  return credentials.qop ? parseInt(credentials.qop.nc, 16) : 0
}

function quoted(text: string): string {
  return `"${text.replace(/[\r\n]+/g, ' ').replace(/[\\"]/g, '\\$&')}"`
}

/** Writes a challenge. */
export function formatDigestChallenge(challenge: DigestChallenge): string {
  let text = `Digest realm=${quoted(challenge.realm)}, nonce=${quoted(challenge.nonce)}`
  if (challenge.opaque !== undefined) text += `, opaque=${quoted(challenge.opaque)}`
  if (challenge.stale) text += ', stale=true'
  text += `, algorithm=${challenge.algorithm}`
  // qop is quoted in a challenge and bare in credentials (RFC 7616 3.3, 3.4).
  return challenge.qopAuth ? `${text}, qop="auth"` : text
}

/** Writes credentials. */
export function formatDigestCredentials(credentials: DigestCredentials): string {
  let text =
    `Digest username=${quoted(credentials.username)}, realm=${quoted(credentials.realm)}, ` +
    `nonce=${quoted(credentials.nonce)}, uri=${quoted(credentials.uri)}, ` +
    `response="${credentials.response}", algorithm=${credentials.algorithm}`
  if (credentials.opaque !== undefined) text += `, opaque=${quoted(credentials.opaque)}`
  if (credentials.qop) {
    text += `, qop=auth, nc=${credentials.qop.nc}, cnonce=${quoted(credentials.qop.cnonce)}`
  }
  return text
}

/** Answers a challenge; `nonceCount` counts the requests made with this nonce, from 1. */
export function answerChallenge(answer: {
  challenge: DigestChallenge
  username: string
  password: string
  method: string
  uri: string
  cnonce: string
  nonceCount: number
}): DigestCredentials {
  const { challenge, username, method, uri } = answer
  const { realm, nonce, algorithm } = challenge
  const nc = answer.nonceCount.toString(16).padStart(8, '0')
  const qop = challenge.qopAuth ? { nc, cnonce: answer.cnonce } : undefined
  const secret = ha1({ username, realm, password: answer.password, algorithm })
  const response = digestResponse({ ha1: secret, nonce, method, uri, algorithm, qop })
  return {
    username,
    realm,
    nonce,
    uri,
    response,
    algorithm,
    ...(challenge.opaque === undefined ? {} : { opaque: challenge.opaque }),
    ...(qop ? { qop } : {}),
  }
}
