import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect, createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from 'node:tls'
import { secondsToMs, type Clock } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'

/** One HTTPS request to the tenant. */
export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  url: string
  headers: Record<string, string>
  body?: string
}

/** The answer, whatever its status; header names are lower case. */
export interface HttpAnswer {
  status: number
  headers: Record<string, string>
  text: string
}

/**
 * Speaks HTTPS with a tenant's hosts. Rejects with TENANT_UNREACHABLE when there was no complete answer,
 * or with the signal's reason.
 */
export type HttpClient = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>

/** Longer than Entra's slowest answers, shorter than a person's patience at the phone. */
const answerTimeoutMs = secondsToMs(20)
const maxAnswerBytes = 1024 * 1024

/** Makes a client that trusts `caPem` besides the public roots; http: URLs are refused. */
export function createHttpClient(options: { caPem: string[]; clock: Clock }): HttpClient {
  const { caPem, clock } = options
  let secureContext: SecureContext | undefined
  return (request, signal) => {
    // Reading a hundred and fifty roots takes a while, so it is done once.
    secureContext ??= createSecureContext({
      ca: [...getCACertificates('default'), ...caPem],
      minVersion: 'TLSv1.2',
    })
    return exchange(request, signal, secureContext, clock)
  }
}

function exchange(
  request: HttpRequest,
  signal: AbortSignal,
  secureContext: SecureContext,
  clock: Clock,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error)
      return
    }
    const url = new URL(request.url)
    const unreachable = (cause: unknown): ApplianceError =>
      new ApplianceError('TENANT_UNREACHABLE', { host: url.host, reason: errorText(cause) }, { cause })
    if (url.protocol !== 'https:') {
      reject(unreachable(new Error('only https is spoken with a tenant')))
      return
    }
    const body = request.body === undefined ? undefined : Buffer.from(request.body)
    const outgoing = httpsRequest(url, {
      method: request.method,
      headers: { ...request.headers, ...(body ? { 'content-length': String(body.length) } : {}) },
      createConnection: () => dial(url, secureContext),
    })
    const settle = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
    const fail = (error: unknown): void => {
      settle()
      outgoing.destroy()
      reject(signal.aborted ? (signal.reason as Error) : unreachable(error))
    }
    const onAbort = (): void => fail(signal.reason)
    const timer = clock.setTimer(answerTimeoutMs, () => fail(new Error('no answer in time')))
    signal.addEventListener('abort', onAbort, { once: true })
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      let bytes = 0
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxAnswerBytes) fail(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      incoming.on('error', fail)
      incoming.on('aborted', () => fail(new Error('the answer broke off')))
      incoming.on('end', () => {
        settle()
        const headers: Record<string, string> = {}
        for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value)
        resolve({ status: incoming.statusCode ?? 0, headers, text: Buffer.concat(chunks).toString() })
      })
    })
    outgoing.end(body)
  })
}

function dial(url: URL, secureContext: SecureContext): TLSSocket {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? 443 : Number(url.port)
  // RFC 6066 3: an address is no server name; the certificate is checked against it all the same.
  return connect({ host, port, secureContext, ...(isIP(host) ? {} : { servername: host }) })
}
