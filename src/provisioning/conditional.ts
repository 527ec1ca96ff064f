import { createHash } from 'node:crypto'
import type { Clock } from '#src/base/clock.ts'
import type { RenderedFile } from '#src/devices/render.ts'
import type { DeviceAnswer, DeviceRequest } from './ports.ts'

/** Versions are remembered for this many files; a forgotten one costs one needless 200. */
const maxRemembered = 4_000

interface Version {
  etag: string
  /** Epoch ms, whole seconds. */
  modifiedAtMs: number
}

/**
 * Answers GET and HEAD of a file as RFC 9110 wants it: ETag from the content, Last-Modified from the time at which
 * that content was first seen here, 304 when the device has it already.
 */
export class ConditionalFiles {
  readonly #clock: Pick<Clock, 'nowMs'>
  /** By device and file name, the longest unused first. */
  readonly #versions = new Map<string, Version>()

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock
  }

  answer(key: string, file: RenderedFile, request: DeviceRequest): DeviceAnswer {
    const version = this.#versionOf(key, file.body)
    const headers: Record<string, string> = {
      etag: version.etag,
      'last-modified': new Date(version.modifiedAtMs).toUTCString(),
      'cache-control': 'private, no-cache',
    }
    if (isUnchanged(request, version)) return { status: 304, headers, body: '' }
    headers['content-type'] = file.contentType
    headers['content-length'] = String(Buffer.byteLength(file.body))
    return { status: 200, headers, body: request.method === 'HEAD' ? '' : file.body }
  }

  #versionOf(key: string, body: string): Version {
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
    const known = this.#versions.get(key)
    this.#versions.delete(key)
    const nowMs = Math.floor(this.#clock.nowMs() / 1000) * 1000
    // Two versions within one second must differ in this field, or a device would keep the first for good.
    const modifiedAtMs = known ? Math.max(nowMs, known.modifiedAtMs + 1000) : nowMs
    const version = known?.etag === etag ? known : { etag, modifiedAtMs }
    this.#versions.set(key, version)
    const [oldest] = this.#versions.keys()
    if (this.#versions.size > maxRemembered && oldest !== undefined) this.#versions.delete(oldest)
    return version
  }
}

// RFC 9110 13.2.2: If-None-Match decides where it is there; If-Modified-Since only without it.
function isUnchanged({ headers }: DeviceRequest, { etag, modifiedAtMs }: Version): boolean {
  const match = headers['if-none-match']
  if (typeof match === 'string') {
    return match.split(',').some((text) => text.trim().replace(/^W\//, '') === etag || text.trim() === '*')
  }
  const since = headers['if-modified-since']
  const sinceMs = typeof since === 'string' ? Date.parse(since) : NaN
  // Devices repeat the date that they were given, so another one, later ones too, is no version of ours: the box's
  // clock may have been ahead once. A date that cannot be read is as good as none (RFC 9110 13.1.3).
  return sinceMs === modifiedAtMs
}
