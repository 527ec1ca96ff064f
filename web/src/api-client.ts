import type { ErrorView } from '#src/api/schema/common.ts'

/** What the box refused or could not do, in its own words. */
export class ApiFailure extends Error {
  readonly status: number
  readonly code: string
  readonly advice: string | undefined
  readonly details: Record<string, unknown>

  constructor(status: number, body: ErrorView) {
    super(body.text)
    this.status = status
    this.code = body.code
    this.advice = body.advice
    this.details = body.details ?? {}
  }

  /** The form field that must be mended, when the box named one. */
  get field(): string | undefined {
    return typeof this.details.field === 'string' ? this.details.field : undefined
  }
}

type LoggedOutListener = () => void
let onLoggedOut: LoggedOutListener = () => undefined

/** Calls back when an answer says that the login has ended. */
export function setLoggedOutListener(listener: LoggedOutListener): void {
  onLoggedOut = listener
}

let boxAheadMs = 0

/** The time by the box's clock, epoch ms: what the box says expires, expires by it, whatever this computer thinks. */
export function boxNow(): number {
  return Date.now() + boxAheadMs
}

/** Learns from an answer how far the box's clock is ahead of this computer's. */
function learnClock(response: Response): void {
  const atMs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(atMs)) return
  const aheadMs = atMs - Date.now()
  // The header has whole seconds and was written before it arrived: small differences are none.
  boxAheadMs = Math.abs(aheadMs) < 3_000 ? 0 : aheadMs
}

/** One request to the box, with a file as it is or anything else as JSON; throws ApiFailure. */
export async function ask<Answer>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await send(method, path, body, headers)
  learnClock(response)
  if (response.ok) {
    return (response.status === 204 ? undefined : await response.json()) as Answer
  }
  const failure = new ApiFailure(response.status, await errorOf(response))
  if (failure.code === 'UNAUTHENTICATED') onLoggedOut()
  throw failure
}

async function send(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': typeOf(body) }), ...headers },
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
  } catch {
    throw new ApiFailure(0, {
      code: 'NO_ANSWER',
      text: 'The box does not answer.',
      advice: 'Check that it is on and that this computer is on its network, then try again.',
    })
  }
}

/** What a browser calls a file depends on the office programs of the computer; the box takes lists only. */
function typeOf(body: unknown): string {
  return body instanceof Blob ? 'text/csv' : 'application/json'
}

async function errorOf(response: Response): Promise<ErrorView> {
  try {
    return (await response.json()) as ErrorView
  } catch {
    return { code: 'INTERNAL', text: `The box answered with status ${response.status}.` }
  }
}

/** Anything that was thrown, as a failure that can be shown. */
export function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error
  return new ApiFailure(0, { code: 'INTERNAL', text: error instanceof Error ? error.message : String(error) })
}
