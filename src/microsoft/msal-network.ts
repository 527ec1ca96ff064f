import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node'
import { secondsToMs, type Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { readEntraError, type EntraError } from './identity-errors.ts'
import type { HttpAnswer, HttpClient } from './network-client.ts'

/** RFC 8628 3.5: what slow_down adds to the interval, for good. */
const slowDownMs = secondsToMs(5)
/** RFC 8628 3.2: the interval when the server names none. */
const defaultIntervalMs = secondsToMs(5)
const maxBackoffMs = secondsToMs(60)

const pending = { error: 'authorization_pending' }

/**
 * The network that msal-node speaks through, one per operation. It keeps what MSAL drops of a failure, and it
 * paces the polls of a device code on our clock, because MSAL takes slow_down, a 5xx and a broken connection
 * for the end of the flow, and cannot be cancelled while it waits.
 */
export class MsalNetwork implements INetworkModule {
  readonly #http: HttpClient
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #intervalMs = defaultIntervalMs
  #backoffMs = 0
  #refusal: EntraError | undefined
  #failure: ApplianceError | undefined

  constructor(options: { http: HttpClient; clock: Clock; signal: AbortSignal }) {
    this.#http = options.http
    this.#clock = options.clock
    this.#signal = options.signal
  }

  /** Entra's last refusal; undefined while it refused nothing. */
  get refusal(): EntraError | undefined {
    return this.#refusal
  }

  /** Why the tenant could not be reached; undefined while it could. */
  get failure(): ApplianceError | undefined {
    return this.#failure
  }

  async sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#checked(await this.#send('GET', url, options), url)
  }

  async sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    if (new URLSearchParams(options?.body).has('device_code')) return this.#poll(url, options)
    const answer = this.#checked<T>(await this.#send('POST', url, options), url)
    if (!new URL(url).pathname.endsWith('/devicecode')) return answer
    // MSAL does not look at the status here and would poll with an undefined code.
    if (this.#refusal) throw new Error(this.#refusal.error)
    const body = answer.body as { interval?: number }
    this.#intervalMs = secondsToMs(body.interval ?? defaultIntervalMs / 1000)
    return { ...answer, body: { ...answer.body, interval: 0 } }
  }

  async #poll<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    await this.#clock.sleep(this.#intervalMs + this.#backoffMs, this.#signal)
    let answer: HttpAnswer
    try {
      answer = await this.#send('POST', url, options)
    } catch (error) {
      this.#signal.throwIfAborted()
      if (!(error instanceof ApplianceError)) throw error
      return this.#notYet<T>(true)
    }
    if (answer.status === 429 || answer.status >= 500) return this.#notYet<T>(true)
    this.#backoffMs = 0
    const response = this.#checked<T>(answer, url)
    if (this.#refusal?.error === 'slow_down') {
      this.#intervalMs += slowDownMs
      return this.#notYet<T>(false)
    }
    return response
  }

  /** Lets MSAL go on. RFC 8628 3.5: a client that got no answer polls less often, best by doubling. */
  #notYet<T>(unanswered: boolean): NetworkResponse<T> {
    if (unanswered) {
      this.#backoffMs = Math.min(maxBackoffMs, this.#backoffMs * 2 + this.#intervalMs)
    }
    this.#refusal = undefined
    return { status: 400, headers: {}, body: pending as T }
  }

  async #send(method: 'GET' | 'POST', url: string, options?: NetworkRequestOptions): Promise<HttpAnswer> {
    try {
      const request = { method, url, headers: { accept: 'application/json', ...options?.headers } }
      const body = options?.body
      const answer = await this.#http(body === undefined ? request : { ...request, body }, this.#signal)
      this.#failure = undefined
      return answer
    } catch (error) {
      if (error instanceof ApplianceError) this.#failure = error
      throw error
    }
  }

  /** Parses the body; an answer that is not Entra's counts as an unreachable tenant. */
  #checked<T>({ status, headers, text }: HttpAnswer, url: string): NetworkResponse<T> {
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch (error) {
      body = undefined
      this.#failure = unexpected(url, status, error)
    }
    const refusal = readEntraError(body)
    if (status >= 500 || typeof body !== 'object' || body === null || (status !== 200 && !refusal)) {
      this.#failure ??= unexpected(url, status)
      throw this.#failure
    }
    this.#refusal = refusal
    return { status, headers, body: body as T }
  }
}

function unexpected(url: string, status: number, cause?: unknown): ApplianceError {
  const { host } = new URL(url)
  return new ApplianceError('TENANT_UNREACHABLE', { host, status, reason: 'unexpected answer' }, { cause })
}
