import { hash } from 'node:crypto'
import { isBlank, skipQuoted } from './params.ts'

/** The hashes we speak; RFC 8760 adds those of SHA-2 to SIP. Others are refused. */
export type DigestHash = 'MD5' | 'SHA-256' | 'SHA-512-256'

/** As named in fields; `-sess` derives a key from nonce and cnonce first (RFC 7616 3.4.2). */
export type DigestAlgorithm = DigestHash | `${DigestHash}-sess`

/** What a server asks (WWW-Authenticate, Proxy-Authenticate). */
export interface DigestChallenge {
  realm: string
  nonce: string
  algorithm: DigestAlgorithm
  /** True when qop "auth" is offered; false without `qopAuthInt` is the older form of RFC 2069. */
  qopAuth: boolean
  /** True when qop "auth-int" is offered: the body is part of the proof. */
  qopAuthInt?: boolean
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
  /** Present when qop was used. */
  qop?: DigestQop
}

/** What qop adds to a proof. */
export interface DigestQop {
  /** Eight hexadecimal digits. */
  nc: string
  cnonce: string
  /** True: qop=auth-int. */
  integrity?: boolean
}

/** Longest header value that is looked at: real ones stay under 1 kB. */
const maxValueLength = 4096
const maxDirectives = 32

const quote = 0x22
const comma = 0x2c

// The directives of the value that was read last, in pairs: read anew for each request, so no map is made each time.
const names: string[] = []
const values: string[] = []

// Reads `Digest name=value, name="value"`: false when it is another scheme, too long, or broken.
function readDirectives(value: string): boolean {
  names.length = 0
  values.length = 0
  if (value.length > maxValueLength || !/^digest[ \t]/i.test(value)) return false
  let at = 7
  while (at < value.length) {
    while (isBlank(value.charCodeAt(at)) || value.charCodeAt(at) === comma) at++
    if (at >= value.length) break
    const equals = value.indexOf('=', at)
    if (equals < 0) return false
    const name = value.slice(at, equals).trim().toLowerCase()
    at = equals + 1
    while (isBlank(value.charCodeAt(at))) at++
    let text: string
    if (value.charCodeAt(at) === quote) {
      const end = skipQuoted(value, at)
      if (end < 0) return false
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
    if (name === '' || names.includes(name) || names.length >= maxDirectives) return false
    names.push(name)
    values.push(text)
  }
  return true
}

function directive(name: string): string | undefined {
  const at = names.indexOf(name)
  return at < 0 ? undefined : values[at]
}

interface Algorithm {
  /** What node:crypto calls it. */
  hash: string
  /** Length of its hexadecimal digest. */
  length: number
  base: DigestHash
  session: boolean
}

const md5 = { hash: 'md5', length: 32, base: 'MD5' } as const
const sha256 = { hash: 'sha256', length: 64, base: 'SHA-256' } as const
const sha512 = { hash: 'sha512-256', length: 64, base: 'SHA-512-256' } as const
const algorithms: Readonly<Record<DigestAlgorithm, Algorithm>> = {
  MD5: { ...md5, session: false },
  'MD5-sess': { ...md5, session: true },
  'SHA-256': { ...sha256, session: false },
  'SHA-256-sess': { ...sha256, session: true },
  'SHA-512-256': { ...sha512, session: false },
  'SHA-512-256-sess': { ...sha512, session: true },
}
const byLowerName = new Map(
  (Object.keys(algorithms) as DigestAlgorithm[]).map((name) => [name.toLowerCase(), name]),
)

function algorithmOf(text: string | undefined): DigestAlgorithm | undefined {
  return text === undefined ? 'MD5' : byLowerName.get(text.toLowerCase())
}

/** The hash under an algorithm: the one whose HA1 is stored. */
export function hashOf(algorithm: DigestAlgorithm): DigestHash {
  return algorithms[algorithm].base
}

/** Parses one challenge; undefined when it is not a Digest challenge that we can answer. */
export function parseDigestChallenge(value: string): DigestChallenge | undefined {
  if (!readDirectives(value)) return undefined
  const realm = directive('realm')
  const nonce = directive('nonce')
  const algorithm = algorithmOf(directive('algorithm'))
  if (realm === undefined || nonce === undefined || !algorithm) return undefined
  const qop = directive('qop')
  const qopAuth = qop !== undefined && /(?:^|,)[ \t]*auth[ \t]*(?:,|$)/i.test(qop)
  const qopAuthInt = qop !== undefined && /(?:^|,)[ \t]*auth-int[ \t]*(?:,|$)/i.test(qop)
  // None of these is known: RFC 7616 3.3 does not allow falling back to no qop at all.
  if (qop !== undefined && !qopAuth && !qopAuthInt) return undefined
  // A session key needs a cnonce, and that comes with qop only.
  if (qop === undefined && algorithms[algorithm].session) return undefined
  const challenge: DigestChallenge = { realm, nonce, algorithm, qopAuth }
  if (qopAuthInt) challenge.qopAuthInt = true
  const opaque = directive('opaque')
  if (opaque !== undefined) challenge.opaque = opaque
  if (directive('stale')?.toLowerCase() === 'true') challenge.stale = true
  return challenge
}

/**
 * The challenge to answer: servers write them in order of preference, one per field, and the first that we can answer
 * counts (RFC 8760 2.4). Undefined when there is none.
 */
export function chooseChallenge(values: readonly string[]): DigestChallenge | undefined {
  for (const value of values) {
    const challenge = parseDigestChallenge(value)
    if (challenge) return challenge
  }
  return undefined
}

/** Parses credentials; undefined when a required directive is missing, malformed or of an unknown algorithm. */
export function parseDigestCredentials(value: string): DigestCredentials | undefined {
  if (!readDirectives(value)) return undefined
  const username = directive('username')
  const realm = directive('realm')
  const nonce = directive('nonce')
  const uri = directive('uri')
  const response = directive('response')?.toLowerCase()
  const algorithm = algorithmOf(directive('algorithm'))
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined)
    return undefined
  if (!algorithm || response?.length !== algorithms[algorithm].length || !/^[0-9a-f]+$/.test(response))
    return undefined
  const credentials: DigestCredentials = { username, realm, nonce, uri, response, algorithm }
  const opaque = directive('opaque')
  if (opaque !== undefined) credentials.opaque = opaque
  const qop = directive('qop')
  if (qop !== undefined) {
    const nc = directive('nc')
    const cnonce = directive('cnonce')
    const integrity = qop.length === 8
    if (!/^auth(?:-int)?$/i.test(qop) || !nc || !/^[0-9a-fA-F]{8}$/.test(nc) || !cnonce) return undefined
    credentials.qop = integrity ? { nc, cnonce, integrity } : { nc, cnonce }
  } else if (algorithms[algorithm].session) return undefined
  return credentials
}

function hexHash(algorithm: DigestAlgorithm, text: string): string {
  return hash(algorithms[algorithm].hash, text, 'hex')
}

// All phones of a domain register at one and the same URI: H(method:uri) is computed once for a whole morning of them.
// No secret is in it.
let lastAction = { algorithm: '', text: '', hash: '' }

function actionHash(algorithm: DigestAlgorithm, text: string): string {
  if (lastAction.text !== text || lastAction.algorithm !== algorithm) {
    lastAction = { algorithm, text, hash: hexHash(algorithm, text) }
  }
  return lastAction.hash
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

/**
 * The response value that proves knowledge of HA1 (RFC 7616 3.4.1; without qop RFC 2069). `ha1` is without session;
 * a session key is derived from the nonce and cnonce at hand, so a client keeps its cnonce as long as a nonce.
 */
export function digestResponse(proof: {
  ha1: string
  nonce: string
  method: string
  uri: string
  algorithm: DigestAlgorithm
  qop?: DigestQop | undefined
  /** The body of the request; only counts for auth-int. */
  body?: string | undefined
}): string {
  const { algorithm, nonce, qop } = proof
  let action = `${proof.method}:${proof.uri}`
  if (qop?.integrity) action += `:${hexHash(algorithm, proof.body ?? '')}`
  const ha2 = actionHash(algorithm, action)
  if (!qop) return hexHash(algorithm, `${proof.ha1}:${nonce}:${ha2}`)
  const key = algorithms[algorithm].session
    ? hexHash(algorithm, `${proof.ha1}:${nonce}:${qop.cnonce}`)
    : proof.ha1
  const kind = qop.integrity ? 'auth-int' : 'auth'
  return hexHash(algorithm, `${key}:${nonce}:${qop.nc}:${qop.cnonce}:${kind}:${ha2}`)
}

/** Compares two hexadecimal digests in a time that does not depend on where they differ. */
export function digestEquals(expected: string, given: string): boolean {
  if (expected.length !== given.length) return false
  let difference = 0
  for (let index = 0; index < expected.length; index++) {
    difference |= expected.charCodeAt(index) ^ given.charCodeAt(index)
  }
  return difference === 0
}

/** True when the credentials prove the stored HA1 for a request of this method and, with auth-int, this body. */
export function verifyDigest(
  credentials: DigestCredentials,
  storedHa1: string,
  method: string,
  body?: string,
): boolean {
  const { nonce, uri, algorithm, qop } = credentials
  return digestEquals(
    digestResponse({ ha1: storedHa1, nonce, method, uri, algorithm, qop, body }),
    credentials.response,
  )
}

/** The nonce count as a number; 0 without qop. */
export function nonceCountOf(credentials: DigestCredentials): number {
  return credentials.qop ? parseInt(credentials.qop.nc, 16) : 0
}

function quoted(text: string): string {
  if (!/[\\"\r\n]/.test(text)) return `"${text}"`
  return `"${text.replace(/[\r\n]+/g, ' ').replace(/[\\"]/g, '\\$&')}"`
}

/** Writes a challenge. */
export function formatDigestChallenge(challenge: DigestChallenge): string {
  let text = `Digest realm=${quoted(challenge.realm)}, nonce=${quoted(challenge.nonce)}`
  if (challenge.opaque !== undefined) text += `, opaque=${quoted(challenge.opaque)}`
  if (challenge.stale) text += ', stale=true'
  text += `, algorithm=${challenge.algorithm}`
  // qop is quoted in a challenge and bare in credentials (RFC 7616 3.3, 3.4).
  if (challenge.qopAuthInt) return `${text}, qop="${challenge.qopAuth ? 'auth,' : ''}auth-int"`
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
    const { nc, cnonce, integrity } = credentials.qop
    text += `, qop=${integrity ? 'auth-int' : 'auth'}, nc=${nc}, cnonce=${quoted(cnonce)}`
  }
  return text
}

/**
 * Answers a challenge; `nonceCount` counts the requests made with this nonce, from 1. The body is only made part of the
 * proof where the server takes nothing less: proxies on the way may change it.
 */
export function answerChallenge(answer: {
  challenge: DigestChallenge
  username: string
  password: string
  method: string
  uri: string
  cnonce: string
  nonceCount: number
  body?: string
}): DigestCredentials {
  const { challenge, username, method, uri } = answer
  const { realm, nonce, algorithm } = challenge
  const nc = answer.nonceCount.toString(16).padStart(8, '0')
  const { cnonce } = answer
  const qop: DigestQop | undefined = challenge.qopAuth
    ? { nc, cnonce }
    : challenge.qopAuthInt
      ? { nc, cnonce, integrity: true }
      : undefined
  const secret = ha1({ username, realm, password: answer.password, algorithm })
  const response = digestResponse({ ha1: secret, nonce, method, uri, algorithm, qop, body: answer.body })
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
