import type Srf from 'drachtio-srf'

/** What a request of the application is made of; the library's own types leave half of it out. */
export interface Asked {
  method: string
  headers?: Record<string, string>
  body?: string
  proxy?: string
  stackDialogId?: string
}

/** A response as the application sees it. */
export interface Answered {
  status: number
  reason: string
  body: string
  get(name: string): string
}

type Request = (
  uri: string | undefined,
  options: Asked,
  callback: (
    error: Error | null,
    request: { on(event: 'response', then: (answer: Answered) => void): void },
  ) => void,
) => void

/** Sends a request through the application; resolves with its final response, rejects when the engine refuses. */
export function ask(srf: Srf, uri: string | undefined, options: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const send = srf.request.bind(srf) as unknown as Request
    send(uri, options, (error, request) => {
      if (error) reject(error)
      else request.on('response', (answer) => answer.status >= 200 && resolve(answer))
    })
  })
}
