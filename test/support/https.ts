import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'

export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  json<T>(): T
}

/** One HTTP(S) request; a Buffer is sent as it is, anything else as JSON or form; `caPem` is the only trusted root for https, `false` accepts any certificate (the lab's pages). */
export function ask(
  url: string,
  options: {
    method?: string
    body?: unknown
    headers?: Record<string, string>
    caPem?: string | false | undefined
    form?: boolean
  } = {},
): Promise<Reply> {
  const secure = url.startsWith('https:')
  const body =
    options.body === undefined || Buffer.isBuffer(options.body)
      ? options.body
      : options.form
        ? new URLSearchParams(options.body as Record<string, string>).toString()
        : JSON.stringify(options.body)
  const headers: Record<string, string> = { ...options.headers }
  if (body !== undefined) {
    headers['content-type'] ??= options.form ? 'application/x-www-form-urlencoded' : 'application/json'
    headers['content-length'] = String(Buffer.byteLength(body))
  }
  const settings: RequestOptions = {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    agent: false,
    ...(secure && typeof options.caPem === 'string' ? { ca: options.caPem } : {}),
    ...(secure && options.caPem === false ? { rejectUnauthorized: false } : {}),
  }
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(url, settings, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: <T>() => JSON.parse(text) as T,
        })
      })
      response.on('error', reject)
    })
    request.setTimeout(30_000, () => request.destroy(new Error(`${url} did not answer in 30 s`)))
    request.on('error', reject)
    request.end(body)
  })
}
