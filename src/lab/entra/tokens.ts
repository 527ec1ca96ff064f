import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  sign,
  timingSafeEqual,
  verify,
  type JsonWebKey,
} from 'node:crypto'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { secondsToMs, type Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import type { LabPerson } from '../people.ts'
import { graphResourceId, labTenantId } from '../identity.ts'

/** What an access token says; times are seconds since the epoch, as RFC 7519 has them. */
const accessClaims = Type.Object({
  iss: Type.String(),
  aud: Type.String(),
  exp: Type.Integer(),
  iat: Type.Integer(),
  oid: Type.String(),
  scp: Type.String(),
})

export type AccessClaims = Static<typeof accessClaims>

const refreshClaims = Type.Object({
  oid: Type.String(),
  clientId: Type.String(),
  scope: Type.String(),
  issuedAtMs: Type.Integer(),
  /** Makes every refresh token differ from the one before it. */
  nonce: Type.String(),
})

export type RefreshClaims = Static<typeof refreshClaims>

/** The tokens of one answer of the token endpoint. */
export interface IssuedTokens {
  scope: string
  accessToken: string
  refreshToken: string
  idToken: string
  /** Account hint of MSAL: base64url of user and tenant id. */
  clientInfo: string
  expiresInMs: number
}

/** Makes and checks the lab's tokens. Refresh tokens are sealed claims, so a restarted lab still knows them. */
export interface Tokens {
  issue(person: LabPerson, clientId: string, scope: string): IssuedTokens
  /** Undefined when the signature, audience, issuer or time is wrong. */
  readAccess(token: string): AccessClaims | undefined
  /** Undefined when it is forged or older than 90 days. */
  readRefresh(token: string): RefreshClaims | undefined
  /** The key set of the discovery document (RFC 7517). */
  jwks(): { keys: JsonWebKey[] }
}

/** Entra's defaults: access tokens live about an hour, refresh tokens 90 days. */
const accessLifetimeMs = secondsToMs(3600)
const refreshLifetimeMs = secondsToMs(90 * 86_400)

/** Opens the token maker with the persisted RSA key. */
export function createTokens(options: {
  signingKeyPem: string
  issuer: string
  clock: Clock
  random: Random
}): Tokens {
  const { issuer, clock, random } = options
  const key = createPrivateKey(options.signingKeyPem)
  const publicKey = createPublicKey(key)
  const jwk = publicKey.export({ format: 'jwk' })
  const kid = createHash('sha256')
    .update(JSON.stringify({ e: jwk.e, kty: jwk.kty, n: jwk.n })) // RFC 7638 3
    .digest('base64url')
  const refreshKey = Buffer.from(
    hkdfSync('sha256', key.export({ type: 'pkcs8', format: 'der' }), '', 'lab refresh tokens', 32),
  )

  const jwt = (claims: Record<string, unknown>): string => {
    const head = encode({ typ: 'JWT', alg: 'RS256', kid })
    const signed = `${head}.${encode(claims)}`
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
  }
  const mac = (text: string): Buffer => createHmac('sha256', refreshKey).update(text).digest()

  return {
    issue(person, clientId, scope) {
      const nowS = Math.floor(clock.nowMs() / 1000)
      const common = {
        iss: issuer,
        iat: nowS,
        nbf: nowS,
        exp: nowS + accessLifetimeMs / 1000,
        oid: person.id,
        sub: person.id,
        tid: labTenantId,
        name: person.displayName,
        preferred_username: person.upn,
        ver: '2.0',
      }
      const refresh = encode({
        oid: person.id,
        clientId,
        scope,
        issuedAtMs: clock.nowMs(),
        nonce: random.token(32),
      } satisfies RefreshClaims)
      return {
        scope,
        accessToken: jwt({ ...common, aud: graphResourceId, scp: scope, appid: clientId }),
        idToken: jwt({ ...common, aud: clientId }),
        refreshToken: `lab.${refresh}.${mac(refresh).toString('base64url')}`,
        clientInfo: encode({ uid: person.id, utid: labTenantId }),
        expiresInMs: accessLifetimeMs,
      }
    },

    readAccess(token) {
      const [head, body, signature, ...rest] = token.split('.')
      if (head === undefined || body === undefined || signature === undefined || rest.length) return undefined
      const signed = Buffer.from(`${head}.${body}`)
      // The algorithm is ours, whatever the header says: no "none", no HMAC with the public key.
      if (!verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url'))) return undefined
      const claims = decode(body)
      if (!Value.Check(accessClaims, claims)) return undefined
      const alive = secondsToMs(claims.exp) > clock.nowMs()
      return alive && claims.aud === graphResourceId && claims.iss === issuer ? claims : undefined
    },

    readRefresh(token) {
      const [prefix, body, seal, ...rest] = token.split('.')
      if (prefix !== 'lab' || body === undefined || seal === undefined || rest.length) return undefined
      const given = Buffer.from(seal, 'base64url')
      const right = mac(body)
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
      const claims = decode(body)
      if (!Value.Check(refreshClaims, claims)) return undefined
      return claims.issuedAtMs + refreshLifetimeMs > clock.nowMs() ? claims : undefined
    },

    jwks: () => ({ keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] }),
  }
}

function encode(value: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return undefined
  }
}
