import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { SipMessage } from '#src/sip/message.ts'

/** What a started engine does with one message. */
export interface Outcome {
  /** Status of every final answer that comes back, in order; none when the message is dropped. */
  answers: number[]
  /** Methods of the requests that the application sees; none when the engine decides by itself. */
  seen?: string[]
  /**
   * What becomes of a TCP connection: it lives on; the engine closes it, because nobody could say where the next message
   * begins; or the message never ends and the connection is closed when its time is up.
   */
  connection?: 'open' | 'closed' | 'half'
}

/** One message of RFC 4475 or RFC 5118 and what has to become of it. */
export interface TortureCase {
  rfc: 4475 | 5118
  name: string
  section: string
  /** For a message that a parser has to accept: what it must read in it. */
  accepted?: (t: Test, message: SipMessage) => void
  /** For one that it has to refuse: with which status, and whether enough stands to answer at all. */
  refused?: { status: number; answerable: boolean; reason: RegExp }
  udp: Outcome
  /** Only where it differs from UDP. */
  tcp?: Outcome
}

/** The bytes of a case as they stand in its file. */
export function bytesOf(tortureCase: { rfc: number; name: string }): Buffer {
  return readFileSync(new URL(`./rfc${tortureCase.rfc}/${tortureCase.name}.sip`, import.meta.url))
}

/** First value of a header field, '' when it is missing. */
export function value(message: SipMessage, name: string): string {
  return message.headers.get(name) ?? ''
}

/** Narrows to a request. */
export function request(message: SipMessage): Extract<SipMessage, { kind: 'request' }> {
  if (message.kind !== 'request') throw new Error('expected a request')
  return message
}

/** The application answers INVITE with 486 and everything else with 200. */
export const calls: Outcome = { answers: [486], seen: ['INVITE'] }

/** Delivered to the application, which says 200. */
export function served(method: string): Outcome {
  return { answers: [200], seen: [method] }
}

/** Refused by the engine. */
export function refusal(status: number, connection: Outcome['connection'] = 'open'): Outcome {
  return { answers: [status], connection }
}

export const dropped: Outcome = { answers: [] }
