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
  uri: string,
  options: Asked,
  callback: (
    error: Error | null,
    request: { on(event: 'response', then: (answer: Answered) => void): void },
  ) => void,
) => void

/** The engine's name of a dialog; the library's types leave it out. */
export function idOf(dialog: Srf.Dialog): string {
  return (dialog as unknown as { id: string }).id
}

/**
 * Sends a request through the application; resolves with its final response, rejects when the engine refuses. Without a URI it
 * goes to the peer of the dialog.
 */
export function ask(srf: Srf, uri: string | undefined, options: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const send = srf.request.bind(srf) as unknown as Request
    send(uri ?? 'sip:placeholder', options, (error, request) => {
      if (error) reject(error)
      else request.on('response', (answer) => answer.status >= 200 && resolve(answer))
    })
  })
}
