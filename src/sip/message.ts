/**
 * The header fields of one message, in order. Names are stored in their canonical long form
 * (`Call-ID`, never `i` or `call-id`), one entry per field as received: comma lists stay one value
 * except Via, Route, Record-Route and Contact, which the parser splits into one entry per value.
 * A value keeps the bytes it came with, folding replaced by one space (RFC 3261 7.3.1).
 */
export class SipHeaders {
  /** name, value, name, value … : one array, no object per field. */
  readonly flat: string[]

  constructor(flat: string[] = []) {
    this.flat = flat
  }

  /** First value of `name` (canonical form), or undefined. */
  get(name: string): string | undefined {
    const flat = this.flat
    for (let index = 0; index < flat.length; index += 2) if (flat[index] === name) return flat[index + 1]
    return undefined
  }

  getAll(name: string): string[] {
    const flat = this.flat
    const values: string[] = []
    for (let index = 0; index < flat.length; index += 2) {
      if (flat[index] === name) values.push(flat[index + 1] as string)
    }
    return values
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Replaces the first value of `name` and drops the others; appends when there is none. */
  set(name: string, value: string): void {
    const flat = this.flat
    let found = false
    for (let index = 0; index < flat.length;) {
      if (flat[index] !== name) index += 2
      else if (!found) {
        flat[index + 1] = value
        found = true
        index += 2
      } else flat.splice(index, 2)
    }
    if (!found) flat.push(name, value)
  }

  append(name: string, value: string): void {
    this.flat.push(name, value)
  }

  prepend(name: string, value: string): void {
    this.flat.unshift(name, value)
  }

  remove(name: string): void {
    const flat = this.flat
    for (let index = 0; index < flat.length;) {
      if (flat[index] === name) flat.splice(index, 2)
      else index += 2
    }
  }

  /** Removes only the topmost value of `name` (a proxy's or client's Via). */
  removeFirst(name: string): void {
    const flat = this.flat
    for (let index = 0; index < flat.length; index += 2) {
      if (flat[index] === name) {
        flat.splice(index, 2)
        return
      }
    }
  }

  clone(): SipHeaders {
    return new SipHeaders(this.flat.slice())
  }
}

/** A request as parsed, or as it will be formatted. Content-Length is not stored: the formatter counts. */
export interface SipRequest {
  kind: 'request'
  method: string
  /** Request-URI as text. */
  uri: string
  headers: SipHeaders
  body: Buffer
}

/** A response as parsed, or as it will be formatted. */
export interface SipResponse {
  kind: 'response'
  status: number
  reason: string
  headers: SipHeaders
  body: Buffer
  /** Exactly these bytes, where somebody has them already; whoever changes the message must drop them. */
  wire?: Buffer
}

export type SipMessage = SipRequest | SipResponse
