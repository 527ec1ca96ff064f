import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import type { OutboundTls, ServerTls } from '../options.ts'
import { coversName } from './certificate-names.ts'
import { TrustStores } from './trust-stores.ts'

const minVersion = 'TLSv1.2'
const sslOpNoTicket = 0x0000_4000
/**
 * SSL_OP_NO_RENEGOTIATION of OpenSSL, which Node does not name. A client's new handshake inside a TLS 1.2 session
 * costs it little and us a signature, and nobody needs it; TLS 1.3 has none.
 */
const sslOpNoRenegotiation = 0x4000_0000
/** A resumed session carries the client's certificate without its chain, and a trunk would lose its name. */
const serverSecureOptions = sslOpNoTicket | sslOpNoRenegotiation

/** What a listener presents to its peers and asks of them; made whole, or not at all. */
export class ServerContexts {
  /** Options of the context served when no name matches, as `tls.createServer` and `setSecureContext` take them. */
  readonly fallback: tls.TlsOptions
  readonly trust: TrustStores
  readonly #named: { names: readonly string[]; context: tls.SecureContext }[]

  /** Throws with what is wrong when a certificate, key or root cannot be used. */
  constructor(serverTls: ServerTls, options: { asksForCertificate: boolean }) {
    this.trust = new TrustStores(serverTls.trust)
    const common = {
      minVersion,
      secureOptions: serverSecureOptions,
      // The verdict is ours (trust-stores.ts). OpenSSL gets no roots, not even the system's: Node shows the chain of a
      // certificate only while OpenSSL has not judged it good. A client may send any certificate then (RFC 8446 4.2.4).
      ca: [],
    } satisfies tls.TlsOptions
    this.fallback = {
      ...common,
      cert: serverTls.fallback.certificatePem,
      key: serverTls.fallback.keyPem,
      requestCert: options.asksForCertificate,
      rejectUnauthorized: false,
    }
    // setSecureContext would complain only half-way through.
    tls.createSecureContext(this.fallback)
    this.#named = serverTls.byName.map((entry) => ({
      names: entry.names,
      context: tls.createSecureContext({ ...common, cert: entry.certificatePem, key: entry.keyPem }),
    }))
  }

  /** The context for a server name (RFC 6066 3); undefined = the fallback's. */
  named(name: string): tls.SecureContext | undefined {
    return this.#named.find((entry) => entry.names.some((pattern) => coversName(pattern, name)))?.context
  }
}

/** One way to dial out: its context, and what tells it from the others. */
export interface OutboundProfile {
  /** Equal for equal name lists, so that a connection stays its trunk's when certificates are renewed. */
  readonly key: string
  readonly names: readonly string[]
  readonly context: tls.SecureContext
}

/** The ways to dial out by TLS, one secure context per profile. */
export class OutboundProfiles {
  readonly #profiles: readonly OutboundProfile[]
  readonly #anybody: OutboundProfile

  /** Throws when a certificate or key cannot be used. */
  constructor(profiles: readonly OutboundTls[]) {
    this.#profiles = profiles.map((profile) => ({
      key: profile.names.join(' ').toLowerCase(),
      names: profile.names,
      context: tls.createSecureContext({
        minVersion,
        ...(profile.certificatePem === undefined ? {} : { cert: profile.certificatePem }),
        ...(profile.keyPem === undefined ? {} : { key: profile.keyPem }),
        ...(profile.caPem === undefined ? {} : { ca: profile.caPem }),
      }),
    }))
    this.#anybody = { key: '', names: ['*'], context: tls.createSecureContext({ minVersion }) }
  }

  /** The first profile for this name or address; the system's roots and no certificate where none fits. */
  profileFor(host: string): OutboundProfile {
    const profile = this.#profiles.find(({ names }) =>
      names.some((pattern) => pattern === '*' || coversName(pattern, host)),
    )
    return profile ?? this.#anybody
  }
}

/** Every certificate that a listener shows, in PEM. */
export function certificatesOf(serverTls: ServerTls): string[] {
  return [serverTls.fallback, ...serverTls.byName].map(({ certificatePem }) => certificatePem)
}

/**
 * Throws a sentence when a certificate of ours is past its end: a renewal that renews nothing. One that is `shown`
 * already stays as it is: phones must not go without their new one because a trunk's has ended.
 */
export function refuseExpired(serverTls: ServerTls, shown: ReadonlySet<string>, nowMs: number): void {
  for (const certificatePem of certificatesOf(serverTls)) {
    if (shown.has(certificatePem)) continue
    const { subject, validToDate } = new X509Certificate(certificatePem)
    if (validToDate.getTime() <= nowMs) {
      throw new Error(`the certificate of ${subject} ended on ${validToDate.toISOString()}`)
    }
  }
}
