import type { SipHeaders, SipResponse } from '#src/sip/message.ts'
import type { Application, MessageMeta } from '../dialog/application.ts'

/** What an application asks for with the verb `proxy`. */
export interface ProxyCommand {
  commandId: string
  /** Names the request to forward. */
  transaction: string
  /** Record-Route in requests that may form a dialog, Path in REGISTER. */
  remainInDialog: boolean
  /** The application wants each final response, not only the end. */
  fullResponse: boolean
  /** 3xx are followed instead of passed on. */
  followRedirects: boolean
  /** All destinations at once; otherwise one after the other. */
  simultaneous: boolean
  /** Without any 1xx for so long, the next destination is tried. */
  provisionalTimeoutMs: number | undefined
  /** Without final response for so long, the destination is cancelled and the next one tried. */
  finalTimeoutMs: number | undefined
  /** URIs, in order of preference. */
  destinations: string[]
  /** Fields to put into the forwarded request. */
  headers: SipHeaders
}

/** An application that can ask for it, and hears what became of it. */
export interface ProxyingApplication extends Application {
  /** A final response of one destination. */
  proxied(commandId: string, meta: MessageMeta, response: SipResponse): void
  /** The caller has its final response; nothing more is said about this command. */
  proxyDone(commandId: string): void
}

const longestMs = 60 * 60_000

/** Reads `500ms`, `2s` or a bare number of milliseconds; undefined when it is none of these, or nothing. */
export function parseTimeoutMs(text: string | undefined): number | undefined {
  const match = /^(\d{1,7})(ms|s)?$/.exec((text ?? '').trim())
  if (!match) return undefined
  const value = Number(match[1]) * (match[2] === 's' ? 1000 : 1)
  return value === 0 ? undefined : Math.min(value, longestMs)
}
