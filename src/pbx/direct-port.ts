import { canonicalName } from '#src/sip/header-names.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { splitList } from '#src/sip/params.ts'
import type { HeaderFields, IncomingRequest, Reply, SipPort } from './sip-port.ts'

/** What the engine of this process hands over without the library; satisfied by its direct door. */
export interface DirectRequests {
  serve(method: string, handler: (request: DirectRequest) => void): void
}

interface DirectRequest {
  readonly request: SipRequest
  readonly peer: { readonly protocol: string; readonly host: string; readonly port: number }
  readonly respond: (response: SipResponse) => void
}

/**
 * The same port, except that requests which never make a dialog come straight from the engine: for a REGISTER the
 * library's way (text, parse, text, parse) costs more than all the rest. Without our engine nothing changes.
 */
export function withDirectRequests(port: SipPort, direct: DirectRequests | undefined): SipPort {
  if (!direct) return port
  return {
    ...port,
    handle(method, handler) {
      // An INVITE becomes a dialog, and dialogs are the library's.
      if (method === 'invite') port.handle(method, handler)
      else direct.serve(method.toUpperCase(), (given) => handler(new Incoming(given), new DirectReply(given)))
    },
  }
}

class Incoming implements IncomingRequest {
  readonly #request: SipRequest
  readonly #peer: DirectRequest['peer']

  constructor({ request, peer }: DirectRequest) {
    this.#request = request
    this.#peer = peer
  }

  get method(): string {
    return this.#request.method
  }

  get uri(): string {
    return this.#request.uri
  }

  get body(): string | undefined {
    const { body } = this.#request
    return body.length === 0 ? undefined : body.toString('utf8')
  }

  get source_address(): string {
    return this.#peer.host
  }

  get source_port(): number {
    return this.#peer.port
  }

  get protocol(): string {
    return this.#peer.protocol
  }

  /** Several fields of one name come as one comma list, as from the library. */
  get(name: string): string | undefined {
    const canonical = canonicalName(name)
    const { flat } = this.#request.headers
    let found: string | undefined
    for (let index = 0; index < flat.length; index += 2) {
      if (flat[index] !== canonical) continue
      const value = flat[index + 1] as string
      found = found === undefined ? value : `${found},${value}`
    }
    return found
  }

  on(): this {
    // Only an INVITE can be cancelled.
    return this
  }
}

const noBody = Buffer.alloc(0)

class DirectReply implements Reply {
  readonly #given: DirectRequest
  #final = false

  constructor(given: DirectRequest) {
    this.#given = given
  }

  get finalResponseSent(): boolean {
    return this.#final
  }

  send(status: number, reason: string, options: { headers?: HeaderFields; body?: string }): void {
    if (this.#final) return
    this.#final = status >= 200
    const headers = new SipHeaders()
    for (const name in options.headers) appendField(headers, canonicalName(name), options.headers[name] ?? '')
    const body = options.body === undefined ? noBody : Buffer.from(options.body, 'utf8')
    this.#given.respond({ kind: 'response', status, reason, headers, body })
  }
}

// One value per name, so a second field of the same name stands behind a line break (see `HeaderFields`).
// Contacts get a field each: there are phones that read only the first of a list.
function appendField(headers: SipHeaders, name: string, value: string): void {
  const parts = value.includes('\n')
    ? value.split(`\r\n${name}: `)
    : name === 'Contact' && value.includes(',')
      ? (splitList(value) ?? [value])
      : undefined
  if (!parts) headers.append(name, value)
  else for (const part of parts) headers.append(name, part)
}
