import { paramOf } from '#src/sip/params.ts'
import { parseDecimal } from '#src/sip/cseq.ts'
import type { SipHeaders } from '#src/sip/message.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'

/** The value with brackets round its URI, so that header parameters cannot be taken for URI parameters. */
export function bracketed(value: string): string {
  if (value.includes('<')) return value
  const semicolon = value.indexOf(';')
  if (semicolon === -1) return `<${value.trim()}>`
  return `<${value.slice(0, semicolon).trim()}>${value.slice(semicolon)}`
}

/** Whether a comma list (Require, Supported, Allow) names `token`, which is lower-case. */
export function listHas(value: string | undefined, token: string): boolean {
  if (value === undefined || value === '') return false
  if (value === token) return true
  return value.split(',').some((item) => item.trim().toLowerCase() === token)
}

/** The option tags in all fields of this name that are not `known`, which is lower-case. */
export function unknownTags(headers: SipHeaders, name: string, known: (tag: string) => boolean): string[] {
  if (!headers.has(name)) return []
  return headers
    .getAll(name)
    .flatMap((value) => value.split(','))
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '' && !known(tag.toLowerCase()))
}

/** The way of a message and the proof of who sent it: written by the engine, whatever an application says. */
export const fieldsOfEngine: readonly string[] = [
  'Via',
  'Route',
  'Record-Route',
  'Content-Length',
  peerNamesHeader,
]

/** What names a transaction and its dialog. */
export const fieldsOfDialog: readonly string[] = ['From', 'To', 'Call-ID', 'CSeq']

/** The number at the head of CSeq or RSeq; undefined when there is none. */
export function sequenceOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const space = value.indexOf(' ')
  return parseDecimal(space === -1 ? value : value.slice(0, space), 2 ** 31 - 1)
}

/** A parameter of a bare URI; '' when it has no value, undefined when absent. */
export function uriParameter(uri: string, name: string): string | undefined {
  // User parts may hold semicolons too.
  return paramOf(uri, name, Math.max(0, uri.indexOf('@')))
}
