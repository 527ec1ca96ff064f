import { isIPv6 } from 'node:net'
import type { LegMedia } from '#src/media/media-relay.ts'
import type { NgDictionary } from './ng-client.ts'

/** Suites that rtpengine would offer and we do not want: the far ends speak the two of RFC 4568 6.2. */
const unwantedSuites = [
  'AEAD_AES_256_GCM',
  'AEAD_AES_128_GCM',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AES_192_CM_HMAC_SHA1_80',
  'AES_192_CM_HMAC_SHA1_32',
  'AES_CM_128_HMAC_SHA1_32',
  'F8_128_HMAC_SHA1_80',
  'F8_128_HMAC_SHA1_32',
  'NULL_HMAC_SHA1_80',
  'NULL_HMAC_SHA1_32',
]

/** The keys of an offer or answer that are the same for every call: SDES only, no ICE, our addresses for theirs. */
export function describeFlags(toward: LegMedia): NgDictionary {
  return {
    'transport-protocol': toward.profile,
    ICE: 'remove',
    DTLS: 'off',
    SDES: unwantedSuites.map((suite) => `no-${suite}`),
    // Mux is accepted from the side that offers it and never offered to the other.
    'rtcp-mux': ['demux'],
    replace: ['origin', 'session connection'],
    flags: ['trust address', 'strict source'],
    'address family': isIPv6(toward.localAddress) ? 'IP6' : 'IP4',
    ...(toward.advertisedAddress === undefined ? {} : { 'media address': toward.advertisedAddress }),
  }
}
