import { formatEndpoint } from '#src/base/net.ts'
import type { CertificateNames } from './certificate-names.ts'
import type { Target } from './transport-port.ts'
import type { ClientFault } from './verify-client.ts'

/** Which side began: we called the peer, or it called us. */
export type TlsDirection = 'outbound' | 'inbound'

/** The server proved to be somebody else than the one we called. */
export class CertificateNameError extends Error {
  readonly code = 'ERR_TLS_CERT_ALTNAME_INVALID'

  constructor(host: string, identity: string, names: CertificateNames) {
    const shown = [...names.dns, ...names.ips].slice(0, 5).join(', ')
    super(`the certificate of ${host} is not for ${identity} but for ${shown === '' ? 'no name' : shown}`)
    this.name = 'CertificateNameError'
  }
}

const unknownAuthority =
  "The peer's certificate comes from an authority that this trunk does not trust. Add the authority's root to the trunk's list, or have the peer send its intermediate certificates as well."

/** What to do about an error of a connection that we open, by OpenSSL's and Node's codes. */
const outbound: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED:
    "The peer's certificate has expired. Its operator must renew it; if it is valid, set this box's clock right.",
  CERT_NOT_YET_VALID:
    "The peer's certificate is not valid yet. Set this box's clock right (check the time server); if the clock is right, the peer's operator must reissue it.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "The peer's certificate is self-signed. Have it certified by an authority, or add the certificate itself to the trunk's list.",
  CERT_SIGNATURE_FAILURE:
    "A signature in the peer's certificate chain is wrong. Its operator must install the chain anew.",
  CERT_REVOKED: "The peer's certificate was revoked. Its operator must replace it.",
  INVALID_PURPOSE:
    "The peer's certificate is not made for servers. Its operator needs one with the purpose serverAuth.",
  EE_KEY_TOO_SMALL:
    "The key in the peer's certificate is too short. Its operator needs one with at least 2048 bits RSA or 256 bits ECDSA.",
  CA_KEY_TOO_SMALL:
    "An authority in the peer's chain has a key that is too short. Its operator needs a certificate of a present-day authority.",
  CA_MD_TOO_WEAK:
    "The peer's chain is signed with an outdated digest (SHA-1 or MD5). Its operator needs a new certificate.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The peer's certificate is for another name. Enter the name that the certificate carries as the trunk's host, or have the peer's operator add ours to it.",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    "The peer asks for a client certificate and got none. Give the trunk this box's certificate and key.",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "The peer does not know the authority of this box's certificate. Give the peer's operator that authority's root, or get a certificate of one that the peer trusts.",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE:
    "The peer refused this box's certificate. Check that it is complete with its intermediates and is for the name that the peer expects.",
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    "The peer refused this box's certificate for its kind or purpose. It may need the purpose clientAuth.",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: "This box's certificate was revoked. Replace it.",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "This box's certificate has expired. Renew it.",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    "The peer could not judge this box's certificate. Check that the chain is complete and that its authority is one that the peer trusts.",
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED:
    "The peer knows this box's certificate and refuses it. Its operator must allow the name in it.",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION:
    'The peer does not speak TLS 1.2 or newer. Its operator must turn on TLS 1.2.',
  ERR_SSL_UNSUPPORTED_PROTOCOL:
    'The peer does not speak TLS 1.2 or newer. Its operator must turn on TLS 1.2.',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'The peer ended the handshake: it asks for a client certificate that it did not get, or has no cipher in common with us. Give the trunk a certificate, or have its operator allow ECDHE with AES-GCM.',
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY:
    'The peer wants stronger ciphers or keys than it was offered. Use a certificate with a larger key, or ask its operator what it requires.',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME:
    "The peer does not serve this name. Check the trunk's host for a typing error.",
  ERR_SSL_WRONG_VERSION_NUMBER:
    'The peer does not speak TLS on this port. Check the port (5061 is usual for TLS, 5060 is not).',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'The peer does not speak TLS on this port. Check the port (5061 is usual for TLS, 5060 is not).',
  ERR_SSL_UNEXPECTED_EOF_WHILE_READING:
    'The peer closed the connection during the handshake. It may refuse the address of this box: have its operator allow it.',
  ECONNREFUSED:
    "Nothing listens on this port of the peer. Check host and port of the trunk, and that the peer's service runs.",
  ECONNRESET:
    'The peer cut the connection. It, or a firewall on the way, may refuse the address of this box: have it allowed.',
  EPIPE:
    'The peer cut the connection. It, or a firewall on the way, may refuse the address of this box: have it allowed.',
  ETIMEDOUT:
    'The peer does not answer. Check the address, the internet connection, and that a firewall lets this port out.',
  EHOSTUNREACH: 'There is no way to the peer. Check the network settings and the default gateway.',
  ENETUNREACH: 'There is no way to the peer. Check the network settings and the default gateway.',
}

/** What to do about a handshake that a peer began and that failed. */
const inbound: Readonly<Record<string, string>> = {
  ERR_SSL_UNSUPPORTED_PROTOCOL:
    'The caller offers only TLS 1.1 or older. Update its firmware, or turn on TLS 1.2 in it.',
  ERR_SSL_NO_SHARED_CIPHER:
    "The caller offers no cipher that goes with this box's certificate. Update its firmware, or give the box an RSA certificate.",
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM:
    "The caller cannot verify this box's kind of certificate. Update its firmware, or give the box an RSA certificate.",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "The caller does not know the authority of this box's certificate. Install the box's root on it (its configuration file does so), or give the box a certificate of a public authority.",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    "The caller could not judge this box's certificate. Install the box's root on it (its configuration file does so).",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE:
    "The caller refused this box's certificate. Check that the name it calls is in the certificate.",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "The caller takes this box's certificate for expired. Renew it; if it is valid, set the caller's clock right.",
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    "The caller refused this box's certificate for its kind or purpose. It needs the purpose serverAuth.",
  ERR_SSL_HTTP_REQUEST:
    'The caller speaks HTTP on the SIP port. It is a browser or a scanner; nothing has to be done.',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'The caller does not speak TLS on this port. Set its transport to TLS, or its port to the one for TCP.',
  ERR_SSL_EE_KEY_TOO_SMALL:
    "The key in the caller's certificate is too short. It needs at least 2048 bits RSA or 256 bits ECDSA.",
  ERR_TLS_HANDSHAKE_TIMEOUT:
    'The caller did not finish the handshake in time. Check the network between it and the box.',
  ECONNRESET:
    "The caller cut the connection during the handshake. It may not trust this box's certificate: install the box's root on it.",
}

/** What to do about a client certificate that proves nothing; the connection itself is taken, as a phone's. */
const clientFaults: Readonly<Record<ClientFault, string>> = {
  'unknown-authority': unknownAuthority,
  'self-signed':
    "The peer's client certificate is self-signed, so it is treated as a phone. A trunk's must be certified by an authority of the trunk's list.",
  expired:
    "The peer's client certificate, or one of its authorities, has expired. Its operator must renew it; if it is valid, set this box's clock right.",
  'not-yet-valid':
    "The peer's client certificate is not valid yet. Set this box's clock right; if the clock is right, the peer's operator must reissue it.",
  'weak-key':
    "The key in the peer's client certificate is too short. Its operator needs one with at least 2048 bits RSA or 256 bits ECDSA.",
  'wrong-name':
    "The peer's certificate comes from the trunk's authority but is for none of the trunk's hosts. Enter the name that it carries as a host of the trunk, or have its operator use the right certificate.",
  'wrong-purpose':
    "The peer's certificate is made for servers only. Allow that for this trunk if its operator says so, else it needs the purpose clientAuth.",
}

/** What to do where a caller asked for a trunk's name and showed no certificate at all. */
export const noClientCertificate =
  "The peer showed no certificate, so it is treated as a phone. If it is a trunk, its operator must present the trunk's client certificate."

/** What to do about new certificates of our own that cannot be used. */
const own: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH:
    'The key does not belong to the certificate. Upload the key that the certificate was requested with.',
  ERR_OSSL_PEM_NO_START_LINE:
    'The file holds no certificate or key in PEM form (-----BEGIN ...). Convert it to PEM.',
  ERR_OSSL_PEM_BAD_BASE64_DECODE: 'The PEM file is damaged. Copy it again, unchanged.',
  ERR_OSSL_UNSUPPORTED: 'The key has a form that is not supported. Convert it to PKCS #8 without a password.',
  ERR_MISSING_PASSPHRASE: 'The key is protected by a password. Remove it before the upload.',
  ERR_SSL_EE_KEY_TOO_SMALL: 'The key is too short. Make one with at least 2048 bits RSA or 256 bits ECDSA.',
}

/** The tables themselves, for tests that hold them complete. */
export const tlsAdviceTables = { outbound, inbound, clientFaults, own } as const

/** Verdicts of OpenSSL that Node gives no code of their own, by OpenSSL's text. */
const codesByText: Readonly<Record<string, string>> = {
  'EE certificate key too weak': 'EE_KEY_TOO_SMALL',
  'CA certificate key too weak': 'CA_KEY_TOO_SMALL',
  'CA signature digest algorithm too weak': 'CA_MD_TOO_WEAK',
}

function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code === 'UNSPECIFIED' && typeof message === 'string') return lookUp(codesByText, message) ?? code
  return typeof code === 'string' ? code : ''
}

function lookUp(table: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

/** One sentence on what a person should do about a failed connection or handshake; undefined = we do not know. */
export function adviseOnTls(error: unknown, direction: TlsDirection): string | undefined {
  return lookUp(direction === 'outbound' ? outbound : inbound, codeOf(error))
}

/** One sentence on what a person should do about a client certificate that was not believed. */
export function adviseOnClientFault(fault: ClientFault): string {
  return clientFaults[fault]
}

/** One sentence on what is wrong with a certificate or key of our own; undefined = the error's own text is all. */
export function adviseOnOwnCertificate(error: unknown): string | undefined {
  return lookUp(own, codeOf(error))
}

/** A target that could not be reached, with what a person should do about it. */
export class ConnectError extends Error {
  readonly code: string
  readonly advice: string | undefined

  constructor(target: Target, cause: Error) {
    super(`${target.protocol} to ${formatEndpoint(target.host, target.port)}: ${cause.message}`, { cause })
    this.name = 'ConnectError'
    this.code = codeOf(cause)
    this.advice = adviseOnTls(cause, 'outbound')
  }
}
