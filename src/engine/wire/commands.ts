import type { MessageMeta } from '../dialog/application.ts'
import { parseTimeoutMs, type ProxyCommand } from '../proxy/proxy-command.ts'
import { formatEndpoint } from '#src/base/net.ts'
import type { ListenerAddress } from '../transport/transport-port.ts'

/** What an application can ask for, read from one payload. */
export type Command =
  | { verb: 'authenticate'; id: string; secret: string; tags: string[] }
  | { verb: 'route' | 'removeRoute'; id: string; method: string }
  | { verb: 'ping'; id: string }
  | {
      verb: 'sip'
      id: string
      transaction: string
      dialog: string
      proxyUri: string | undefined
      message: string
    }
  | { verb: 'proxy'; id: string; wish: Omit<ProxyCommand, 'commandId' | 'headers'>; message: string }
  | { verb: 'unknown'; id: string; name: string }

/** Reads `id|verb|…`; undefined when there is not even an id. */
export function parseCommand(payload: string): Command | undefined {
  const lineEnd = payload.indexOf('\r\n')
  const line = lineEnd === -1 ? payload : payload.slice(0, lineEnd)
  const tokens = line.split('|')
  const id = tokens[0]
  const name = tokens[1]
  if (id === undefined || id === '' || name === undefined) return undefined
  switch (name) {
    case 'authenticate':
      return { verb: name, id, secret: tokens[2] ?? '', tags: (tokens[3] ?? '').split(',').filter(Boolean) }
    case 'route':
      return { verb: name, id, method: (tokens[2] ?? '').toLowerCase() }
    case 'remove_route':
      return { verb: 'removeRoute', id, method: (tokens[2] ?? '').toLowerCase() }
    case 'ping':
      return { verb: name, id }
    case 'sip':
      return {
        verb: name,
        id,
        transaction: tokens[2] ?? '',
        dialog: tokens[3] ?? '',
        proxyUri: tokens[4] || undefined,
        message: lineEnd === -1 ? '' : payload.slice(lineEnd + 2),
      }
    case 'proxy':
      return {
        verb: name,
        id,
        wish: {
          transaction: tokens[2] ?? '',
          remainInDialog: tokens[3] === 'remainInDialog',
          fullResponse: tokens[4] === 'fullResponse',
          followRedirects: tokens[5] === 'followRedirects',
          simultaneous: tokens[6] === 'simultaneous',
          provisionalTimeoutMs: parseTimeoutMs(tokens[7]),
          finalTimeoutMs: parseTimeoutMs(tokens[8]),
          destinations: tokens.slice(9).filter((uri) => uri !== ''),
        },
        message: lineEnd === -1 ? '' : payload.slice(lineEnd + 2),
      }
    default:
      return { verb: 'unknown', id, name }
  }
}

/** `proto/host:port,…`: advertised or bound addresses, as the library shows them to its application. */
export function endpointList(listeners: readonly ListenerAddress[], advertised: boolean): string {
  return listeners
    .map((listener) =>
      advertised
        ? `${listener.protocol}/${formatEndpoint(listener.advertisedHost, listener.advertisedPort)}`
        : `${listener.protocol}/${formatEndpoint(listener.host, listener.port)}`,
    )
    .join(',')
}

// At least v0.8.2, or the library does not ping; the text behind it is ours.
const serverVersion = 'v0.9.10-branchline'

/** The answer to a good `authenticate`. */
export function helloPayload(id: string, to: string, listeners: readonly ListenerAddress[]): string {
  return `${id}|response|${to}|OK|${endpointList(listeners, true)}|${serverVersion}|${endpointList(listeners, false)}`
}

/** The answer to a refused `authenticate`; the connection is closed behind it. */
export function noPayload(id: string, to: string, text: string): string {
  return `${id}|response|${to}|NO|${text}`
}

export function okPayload(id: string, to: string, text = ''): string {
  return text === '' ? `${id}|response|${to}|OK` : `${id}|response|${to}|OK|${text}`
}

export function nokPayload(id: string, to: string, text: string): string {
  return `${id}|response|${to}|NOK|${text}`
}

/** A request or response from the network. `receivedOn` is given only for requests outside dialogs. */
export function sipPayload(
  id: string,
  meta: MessageMeta,
  stamp: string,
  ids: { transaction: string; dialog: string },
  receivedOn: { host: string; port: number } | undefined,
  message: string,
): string {
  const local = receivedOn ? `${receivedOn.host}|${receivedOn.port}|` : ''
  return `${id}|sip|${metaTokens(meta, stamp)}|${ids.transaction}|${ids.dialog}|${local}\r\n${message}`
}

/** The echo of a request: what went out. */
export function sentRequestPayload(
  id: string,
  to: string,
  meta: MessageMeta,
  stamp: string,
  transaction: string,
  message: string,
): string {
  return `${id}|response|${to}|OK|${metaTokens(meta, stamp)}|${transaction}|Msg sent:|\r\n${message}`
}

/** The echo of a response: what went out. */
export function sentResponsePayload(
  id: string,
  to: string,
  meta: MessageMeta,
  stamp: string,
  ids: { transaction: string; dialog: string },
  message: string,
): string {
  return `${id}|response|${to}|OK|${metaTokens(meta, stamp)}|${ids.transaction}|${ids.dialog}||Msg sent:|\r\n${message}`
}

/** One final response of a proxied request; `continue` tells the library that more will come. */
export function proxiedPayload(
  id: string,
  to: string,
  meta: MessageMeta,
  stamp: string,
  message: string,
): string {
  return `${id}|response|${to}|OK|${metaTokens(meta, stamp)}|||continue\r\n${message}`
}

/** A call record; `detail` is the role of a start and the reason of a stop. */
export function recordPayload(
  id: string,
  verb: string,
  source: string,
  stamp: string,
  detail: string | undefined,
  message: string,
): string {
  const tail = detail === undefined ? '' : `|${detail}`
  return `${id}|${verb}|${source}|${stamp}${tail}\r\n${message}`
}

function metaTokens(meta: MessageMeta, stamp: string): string {
  return `${meta.source}|${meta.bytes}|${meta.protocol}|${meta.host}|${meta.port}|${stamp}`
}

/** `HH:MM:SS.uuuuuu` in UTC, the protocol's time of a message. */
export function timeStamp(nowMs: number): string {
  const ofDay = Math.floor(nowMs) % 86_400_000
  const hours = Math.floor(ofDay / 3_600_000)
  const minutes = Math.floor(ofDay / 60_000) % 60
  const seconds = Math.floor(ofDay / 1000) % 60
  return `${two(hours)}:${two(minutes)}:${two(seconds)}.${String(ofDay % 1000).padStart(3, '0')}000`
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
