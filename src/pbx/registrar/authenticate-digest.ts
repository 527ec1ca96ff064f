import type { LineSecrets, Line } from '#src/model/line.ts'
import {
  formatDigestChallenge,
  hashOf,
  nonceCountOf,
  parseDigestCredentials,
  verifyDigest,
  type DigestCredentials,
  type DigestHash,
} from '#src/sip/digest.ts'
import type { Logger } from '#src/base/logger.ts'
import { dialledText } from '../calls/numbers.ts'
import type { CounterName, Counters } from '../counters.ts'
import type { PbxStore } from '../options.ts'
import type { PeerEvidence } from '../ports.ts'
import type { HeaderFields, IncomingRequest } from '../sip-port.ts'
import type { RefusedReply } from '../step.ts'
import { challengeOrder } from './challenge-order.ts'
import type { NonceBook } from './nonce.ts'

/** REGISTER is challenged as a registrar, everything else as a proxy would (RFC 3261 22.2, 22.3). */
const roles = {
  registrar: {
    status: 401,
    reason: 'Unauthorized',
    challenge: 'WWW-Authenticate',
    credentials: 'Authorization',
  },
  proxy: {
    status: 407,
    reason: 'Proxy Authentication Required',
    challenge: 'Proxy-Authenticate',
    credentials: 'Proxy-Authorization',
  },
} as const

export type ChallengeRole = keyof typeof roles

// Checked in place of the secrets of a line that does not exist, so that the answer takes as long and looks
// the same: usernames cannot be found out by asking.
const nobody: LineSecrets = { ha1Md5: '0'.repeat(32), ha1Sha256: '0'.repeat(64), ha1Sha512: '0'.repeat(64) }

const secretOf = { MD5: 'ha1Md5', 'SHA-256': 'ha1Sha256', 'SHA-512-256': 'ha1Sha512' } as const

// Several fields reach us as one list; each set of credentials begins with its scheme.
const severalSets = /,\s*Digest\s/i
const betweenSets = /,\s*(?=Digest\s)/i

/** Proves who sent a request, by digest (RFC 7616, RFC 8760). */
export class DigestAuthenticator {
  readonly #lines: Pick<PbxStore['lines'], 'secrets' | 'findByUsername'>
  readonly #nonces: NonceBook
  readonly #counters: Counters
  readonly #realm: () => string
  readonly #algorithms: () => readonly DigestHash[]
  readonly #logger: Logger
  readonly #evidence: PeerEvidence | undefined

  constructor(options: {
    lines: Pick<PbxStore['lines'], 'secrets' | 'findByUsername'>
    nonces: NonceBook
    counters: Counters
    realm: () => string
    /** The hashes that may be used, the preferred one first. */
    algorithms: () => readonly DigestHash[]
    logger: Logger
    evidence?: PeerEvidence | undefined
  }) {
    this.#lines = options.lines
    this.#nonces = options.nonces
    this.#counters = options.counters
    this.#realm = options.realm
    this.#algorithms = options.algorithms
    this.#logger = options.logger
    this.#evidence = options.evidence
  }

  /** The line that the request proves to come from, or the challenge or refusal to send. Changes nothing unless proven. */
  authenticate(request: IncomingRequest, role: ChallengeRole): { line: Line } | RefusedReply {
    const given = this.#credentialsOf(request, role)
    if (given === 'malformed') {
      this.#counters.add('authMalformed')
      return { status: 400, reason: `Bad ${roles[role].credentials}` }
    }
    if (!given) {
      this.#counters.add('authChallenged')
      return this.#challenge(request, role, false)
    }
    const algorithm = hashOf(given.algorithm)
    if (!this.#algorithms().includes(algorithm)) {
      // RFC 8760 2.6: what the admin has switched off proves nothing, however well it fits.
      this.#counters.add('authAlgorithmOff')
      return this.#challenge(request, role, false)
    }
    const verdict = this.#nonces.judge(given.nonce, countOf(given))
    if (verdict === 'forged') {
      this.#evidence?.staleNonce(request.source_address)
      return this.#again(request, role, 'authForgedNonce')
    }

    const secrets = this.#lines.secrets(given.username)
    const secret = (secrets ?? nobody)[secretOf[algorithm]]
    const proven = verifyDigest(
      given,
      secret,
      request.method,
      given.qop?.integrity ? request.body : undefined,
    )
    const line = this.#lines.findByUsername(given.username)
    if (!proven || !secrets || !line) {
      return this.#refuse(request, line ? 'authWrongPassword' : 'authUnknownLine', given)
    }
    if (isForAnother(given.uri, request)) {
      this.#counters.add('authOtherUri')
      return { status: 400, reason: 'Digest URI Does Not Match' }
    }
    // Only who knows the password hears that a nonce was old or used: stale tells to try again with a new one.
    if (verdict === 'stale') return this.#again(request, role, 'authStaleNonce')
    if (this.#nonces.use(given.nonce, countOf(given)) === 'replayed') {
      this.#evidence?.staleNonce(request.source_address)
      return this.#again(request, role, 'authReplay')
    }
    return { line }
  }

  /** Undefined when there are none for our realm; a client may carry others'. */
  #credentialsOf(request: IncomingRequest, role: ChallengeRole): DigestCredentials | 'malformed' | undefined {
    const field = request.get(roles[role].credentials)
    if (field === undefined) return undefined
    const realm = this.#realm()
    let malformed = false
    for (const part of severalSets.test(field) ? field.split(betweenSets) : [field]) {
      const parsed = parseDigestCredentials(part)
      if (parsed?.realm === realm) return parsed
      if (!parsed) malformed = true
    }
    return malformed ? 'malformed' : undefined
  }

  #again(request: IncomingRequest, role: ChallengeRole, counter: CounterName): RefusedReply {
    this.#counters.add(counter)
    return this.#challenge(request, role, true)
  }

  #challenge(request: IncomingRequest, role: ChallengeRole, stale: boolean): RefusedReply {
    const { status, reason, challenge } = roles[role]
    const nonce = this.#nonces.issue(request.source_address)
    const values = challengeOrder(request.get('User-Agent'), this.#algorithms()).map((algorithm) =>
      formatDigestChallenge({ realm: this.#realm(), nonce, algorithm, qopAuth: true, stale }),
    )
    // RFC 8760 2.3: one field per algorithm. The library has one value per name, so a line break parts them.
    const headers: HeaderFields = { [challenge]: values.join(`\r\n${challenge}: `) }
    return { status, reason, headers }
  }

  // 403 and no new challenge: with the same wrong password every phone would only try the same again
  // (baresip does it fifteen times in a row).
  #refuse(
    request: IncomingRequest,
    counter: 'authWrongPassword' | 'authUnknownLine',
    { username, nonce }: DigestCredentials,
  ): RefusedReply {
    const { source_address: host, method } = request
    this.#counters.add(counter)
    this.#logger.warn(
      { username: username.slice(0, 64), from: host, method, why: counter },
      'credentials refused',
    )
    // Who has never received our nonce may have put anybody's address into the packet.
    if (this.#nonces.wasIssuedTo(nonce, host)) {
      if (counter === 'authWrongPassword') this.#evidence?.wrongPassword(host, username)
      else this.#evidence?.unknownUser(host, username)
    }
    return { status: 403, reason: 'Forbidden' }
  }
}

/**
 * RFC 7616 3.4.6: credentials caught on the wire must not place a call to another number. Only what was dialled is
 * compared: hosts, ports and parameters differ between the two in many phones that mean no harm.
 */
function isForAnother(digestUri: string, request: IncomingRequest): boolean {
  if (request.method !== 'INVITE') return false
  const signed = dialledText(digestUri)
  return signed !== undefined && signed !== dialledText(request.uri)
}

/** Without qop there is no count; the nonce is then good for one request. */
function countOf(credentials: DigestCredentials): number {
  return credentials.qop ? nonceCountOf(credentials) : 1
}
