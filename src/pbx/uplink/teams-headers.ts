import type { TeamsHost } from '#src/model/tenant.ts'
import { escapeUser } from '#src/sip/uri.ts'
import type { HeaderFields, RequestTarget } from '../sip-port.ts'

/**
 * What we let Teams ask of us. REFER is left out on purpose: without it Teams transfers by other means, and a
 * request that we would refuse is never sent.
 */
export const allowedMethods = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY'

/** Our side of the trunk. */
export interface TrunkIdentity {
  sbcFqdn: string
  /** Port of our TLS listener as Teams reaches it. */
  contactPort: number
}

/**
 * Teams finds the tenant by the FQDN in Contact; an address there is refused. Also valid in OPTIONS, where
 * there is no number and no empty user part may stand before the @.
 */
export function teamsContact(identity: TrunkIdentity, number?: string): string {
  const user = number === undefined ? '' : `${escapeUser(number)}@`
  return `<sip:${user}${identity.sbcFqdn}:${identity.contactPort};transport=tls>`
}

/** Fields of an INVITE to Teams: the caller is his own number at our FQDN; no P-Asserted-Identity, it is not shown. */
export function teamsInviteHeaders(
  identity: TrunkIdentity,
  caller: { number: string; displayName: string | undefined },
): HeaderFields {
  return {
    From: `${quotedName(caller.displayName)}<sip:${caller.number}@${identity.sbcFqdn}>`,
    Contact: teamsContact(identity, caller.number),
    Allow: allowedMethods,
  }
}

/** Where an INVITE for this number goes on one host: number with `+`, user=phone, and the host's own port as next hop. */
export function teamsInviteTarget(host: TeamsHost, number: string): RequestTarget {
  return { uri: `sip:${number}@${host.name};user=phone`, proxy: teamsHop(host) }
}

/** Fields of an OPTIONS to one host. */
export function teamsOptionsHeaders(identity: TrunkIdentity, host: TeamsHost): HeaderFields {
  return {
    From: `<sip:${identity.sbcFqdn}>`,
    To: `<sip:${host.name}>`,
    Contact: teamsContact(identity),
    Allow: allowedMethods,
    Accept: 'application/sdp',
  }
}

export function teamsOptionsTarget(host: TeamsHost): RequestTarget {
  return { uri: `sip:${host.name}:${host.port};transport=tls`, proxy: teamsHop(host) }
}

/** Fields of our answers to Teams' INVITEs. */
export function teamsAnswerHeaders(identity: TrunkIdentity, number: string): HeaderFields {
  return { Contact: teamsContact(identity, number), Allow: allowedMethods }
}

/** `"Name" ` with what would end the string escaped, or nothing. */
export function quotedName(name: string | undefined): string {
  const clean = name?.replace(/[\r\n]+/g, ' ').trim()
  return clean ? `"${clean.replace(/[\\"]/g, '\\$&')}" ` : ''
}

function teamsHop(host: TeamsHost): string {
  return `sip:${host.name}:${host.port};transport=tls`
}
