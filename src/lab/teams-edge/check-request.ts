import { ApplianceError, errorText } from '#src/base/errors.ts'
import { isIpLiteral } from '#src/base/net.ts'
import { g711Codec } from '#src/media/endpoint/g711.ts'
import { findAudio } from '#src/sdp/offer-answer.ts'
import { parseSdp } from '#src/sdp/parse.ts'
import { parseNameAddr } from '#src/sip/name-addr.ts'
import { parseUri } from '#src/sip/uri.ts'

/** What the edge looks at before it takes a request. */
export interface TrunkRequest {
  method: string
  /** Request-URI. */
  uri: string
  /** Value of the first Contact; undefined when there is none. */
  contact: string | undefined
  require: string | undefined
  hasReplaces: boolean
  body: string
  /** DNS names of the verified client certificate; empty without one. */
  peerNames: readonly string[]
}

/** Why a request is refused. `explanation` is for the log and the list of calls. */
export interface RequestRefusal {
  status: number
  reason: string
  explanation: string
  headers?: Record<string, string>
}

const forbidden = (explanation: string): RequestRefusal => ({ status: 403, reason: 'Forbidden', explanation })

const notFound = (explanation: string): RequestRefusal => ({ status: 404, reason: 'Not Found', explanation })

const notAcceptable = (explanation: string): RequestRefusal => ({
  status: 488,
  reason: 'Not Acceptable Here',
  explanation,
})

/** True when a certificate with this name may speak for `host`; a wildcard covers exactly one label. */
export function certificateCovers(name: string, host: string): boolean {
  const pattern = name.toLowerCase()
  const wanted = host.toLowerCase()
  if (!pattern.startsWith('*.')) return pattern === wanted
  const dot = wanted.indexOf('.')
  return dot > 0 && wanted.slice(dot) === pattern.slice(1)
}

/**
 * Checks what Direct Routing asks of every request from a trunk: a client certificate, and a Contact whose host
 * is the trunk's own FQDN and stands in that certificate. Undefined when the trunk may go on.
 */
export function checkTrunk(request: TrunkRequest, trunkFqdn: string): RequestRefusal | undefined {
  if (request.peerNames.length === 0)
    return forbidden('The box presented no client certificate that verifies.')
  if (request.contact === undefined) return forbidden('The request has no Contact.')
  const uri = parseUri(parseNameAddr(request.contact)?.uri ?? '')
  if (!uri) return { status: 400, reason: 'Bad Request', explanation: 'The Contact is not a SIP URI.' }
  if (uri.scheme !== 'sip') return forbidden(`The Contact has the scheme ${uri.scheme}, not sip.`)
  if (isIpLiteral(uri.host)) return forbidden(`The Contact has the address ${uri.host} instead of the FQDN.`)
  if (!request.peerNames.some((name) => certificateCovers(name, uri.host))) {
    return forbidden(`The Contact's host ${uri.host} does not stand in the client certificate.`)
  }
  if (uri.host !== trunkFqdn.toLowerCase()) return forbidden(`No tenant has a trunk ${uri.host}.`)
  return undefined
}

/** The called number: E.164 with `+` in the Request-URI; undefined when it has none. */
export function calledNumber(uri: string): string | undefined {
  const user = parseUri(uri)?.user?.split(';')[0]
  return user !== undefined && /^\+[1-9]\d{1,14}$/.test(user) ? user : undefined
}

/** Checks a new INVITE from a trunk that `checkTrunk` let pass; `isKnown` looks the number up in the tenant. */
export function checkInvite(
  request: TrunkRequest,
  isKnown: (number: string) => boolean,
): RequestRefusal | undefined {
  if (/(^|[\s,])100rel([\s,]|$)/i.test(request.require ?? '')) {
    return {
      status: 420,
      reason: 'Bad Extension',
      explanation: 'Require: 100rel is not supported.',
      headers: { Unsupported: '100rel' },
    }
  }
  if (request.hasReplaces) return forbidden('Replaces is not accepted from a trunk.')
  const number = calledNumber(request.uri)
  if (number === undefined) return notFound('The called number is not E.164 with a plus.')
  if (request.body.trim() === '') return notAcceptable('The INVITE has no offer.')
  if (!isKnown(number)) return notFound(`The tenant has assigned ${number} to nobody.`)
  return undefined
}

/** Checks the first offer: G.711 over SRTP with keys in SDP, one of them for the 80-bit tag. */
export function checkOffer(body: string): RequestRefusal | undefined {
  try {
    const audio = findAudio(parseSdp(body))
    if (!audio.secure) return notAcceptable('The offer has no SRTP (RTP/SAVP with a=crypto).')
    if (audio.crypto?.key.suite !== 'AES_CM_128_HMAC_SHA1_80') {
      return notAcceptable('The offer has no key for AES_CM_128_HMAC_SHA1_80.')
    }
    if (!audio.media.codecs.some(({ name }) => g711Codec(name)))
      return notAcceptable('The offer has no G.711.')
    return undefined
  } catch (error) {
    const reason = error instanceof ApplianceError ? error.details.reason : undefined
    return notAcceptable(
      `The offer cannot be used: ${typeof reason === 'string' ? reason : errorText(error)}.`,
    )
  }
}

/**
 * Checks a re-offer. Only `a=inactive` is understood as hold: a box must translate what its phones write.
 * A re-INVITE without an offer is not understood either.
 */
export function checkReoffer(body: string): RequestRefusal | undefined {
  if (body.trim() === '') return notAcceptable('The re-INVITE has no offer.')
  const direction = /^a=(sendonly|recvonly)\s*$/m.exec(body)?.[1]
  if (direction) return notAcceptable(`The offer holds with a=${direction}, not with a=inactive.`)
  if (/^c=IN IP4 0\.0\.0\.0\s*$/m.test(body)) return notAcceptable('The offer holds with c=0.0.0.0.')
  return undefined
}
