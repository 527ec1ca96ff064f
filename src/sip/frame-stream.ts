/** How much one message may hold before the connection is given up. */
export interface FrameLimits {
  maxMessageBytes: number
  maxHeaderBytes: number
}

/** Why a stream cannot be read further; `head` is what there is of the message, for an answer. */
export interface FrameError {
  status: 400 | 513
  reason: string
  head: Buffer
}

/** Where whole messages go; called in the order of the stream. */
export interface FrameSink {
  onMessage(bytes: Buffer): void
  /** A double CRLF between messages: to be answered with one CRLF (RFC 5626 3.5.1). */
  onPing(): void
  /** A CRLF between messages: true when it answers a ping of ours, so that it does not count as half of one. */
  takesPong?(): boolean
  /** Nothing comes after this; the connection has to be closed. */
  onError(error: FrameError): void
}

const cr = 0x0d
const lf = 0x0a
const headEndMark = Buffer.from('\r\n\r\n', 'latin1')
/** A CR or LF of its own: a lenient element before us may have seen a line, and a Content-Length, where we see none. */
const strayLineEnd = /[^\r]\n|\r[^\n]/
const contentLength = /(?:^|\r\n)(?:content-length|l)[ \t]*:((?:[^\r]|\r\n[ \t])*)/gi

/**
 * Cuts a byte stream into SIP messages by Content-Length (RFC 3261 18.3). Chunks may end anywhere; a chunk of
 * whole messages is handed on without a copy.
 */
export class FrameStream {
  readonly #limits: FrameLimits
  readonly #sink: FrameSink
  /** Bytes of an unfinished message in the first `#length` bytes; the rest is room to grow. */
  #held: Buffer = Buffer.alloc(0)
  #length = 0
  /** Where the search for the end of the header section goes on. */
  #searched = 0
  /** Bytes the unfinished message needs in all; 0 = its header section is unfinished too. */
  #needed = 0
  #blankLines = 0
  #ended = false

  constructor(limits: FrameLimits, sink: FrameSink) {
    this.#limits = limits
    this.#sink = sink
  }

  /** True while a message has begun and not ended. */
  get half(): boolean {
    return this.#length > 0
  }

  /** Stops reading: later chunks are ignored, also the rest of the one being read. */
  end(): void {
    this.#ended = true
    this.#held = Buffer.alloc(0)
    this.#length = 0
  }

  push(chunk: Buffer): void {
    if (this.#ended) return
    if (this.#length === 0) {
      this.#read(chunk)
      return
    }
    this.#hold(chunk)
    if (this.#length < this.#needed || this.#headGoesOn()) return
    const data = this.#held.subarray(0, this.#length)
    this.#length = 0
    // The messages keep pointing into the old buffer, so what follows them starts a new one.
    this.#held = Buffer.alloc(0)
    this.#read(data)
  }

  // Looks for the end of a header section in what is new of it, so that small pieces cost no copy of all before them.
  #headGoesOn(): boolean {
    if (this.#needed > 0 || this.#searched === 0 || this.#length > this.#limits.maxHeaderBytes) return false
    const from = Math.max(0, this.#searched - 3)
    if (this.#held.subarray(from, this.#length).includes(headEndMark)) return false
    this.#searched = this.#length
    return true
  }

  // Grows by doubling: a peer that writes byte by byte must not cost a copy of everything per byte.
  #hold(chunk: Buffer): void {
    const total = this.#length + chunk.length
    if (total > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(total, this.#held.length * 2, 1024))
      this.#held.copy(grown, 0, 0, this.#length)
      this.#held = grown
    }
    chunk.copy(this.#held, this.#length)
    this.#length = total
  }

  #keepRest(data: Buffer, at: number, searched: number, needed: number): void {
    this.#length = 0
    this.#hold(data.subarray(at))
    this.#searched = searched
    this.#needed = needed
  }

  #fail(status: FrameError['status'], reason: string, head: Buffer): void {
    this.end()
    this.#sink.onError({ status, reason, head })
  }

  #read(data: Buffer): void {
    let at = 0
    let searched = this.#searched
    this.#searched = 0
    this.#needed = 0
    while (at < data.length && !this.#ended) {
      if (searched === 0) {
        const start = this.#skipBlankLines(data, at)
        if (this.#ended) return
        if (start < 0) {
          this.#keepRest(data, data.length - 1, 0, 0)
          return
        }
        at = start
        if (at === data.length) return
      }
      const headEnd = data.indexOf(headEndMark, at + Math.max(0, searched - 3))
      const headLength = (headEnd < 0 ? data.length : headEnd) - at
      if (headLength > this.#limits.maxHeaderBytes) {
        this.#fail(513, 'Header Section Too Large', data.subarray(at))
        return
      }
      if (headEnd < 0) {
        this.#keepRest(data, at, data.length - at, 0)
        return
      }
      const bodyLength = this.#bodyLength(data, at, headEnd)
      if (bodyLength === undefined) return
      const needed = headLength + 4 + bodyLength
      if (needed > this.#limits.maxMessageBytes) {
        this.#fail(513, 'Message Too Large', data.subarray(at, headEnd + 4))
        return
      }
      if (data.length - at < needed) {
        this.#keepRest(data, at, headLength, needed)
        return
      }
      const message = data.subarray(at, at + needed)
      at += needed
      searched = 0
      this.#sink.onMessage(message)
    }
  }

  // Returns where the next message starts, or -1 when the data end in a lone CR.
  #skipBlankLines(data: Buffer, from: number): number {
    let at = from
    while (at < data.length && (data[at] === cr || data[at] === lf)) {
      if (data[at] === lf) {
        this.#fail(400, 'Bad Line End Between Messages', data.subarray(at))
        return at
      }
      if (at + 1 === data.length) return -1
      if (data[at + 1] !== lf) {
        this.#fail(400, 'Bad Line End Between Messages', data.subarray(at))
        return at
      }
      at += 2
      if (this.#blankLines === 0 && this.#sink.takesPong?.() === true) continue
      this.#blankLines++
      if (this.#blankLines === 2) {
        this.#blankLines = 0
        this.#sink.onPing()
        if (this.#ended) return at
      }
    }
    if (at < data.length) this.#blankLines = 0
    return at
  }

  #bodyLength(data: Buffer, at: number, headEnd: number): number | undefined {
    const head = data.toString('latin1', at, headEnd)
    if (strayLineEnd.test(head)) {
      this.#fail(400, 'Bad Line End in Header Section', data.subarray(at, headEnd + 4))
      return undefined
    }
    let length: number | undefined
    for (const match of head.matchAll(contentLength)) {
      const text = (match[1] as string).trim()
      const value = /^\d{1,10}$/.test(text) ? Number(text) : undefined
      if (value === undefined || (length !== undefined && length !== value)) {
        this.#fail(400, 'Bad Content-Length', data.subarray(at, headEnd + 4))
        return undefined
      }
      length = value
    }
    if (length === undefined) {
      // RFC 3261 20.14: over a stream the field is a must; guessing would make the body a request of its own.
      this.#fail(400, 'Missing Content-Length', data.subarray(at, headEnd + 4))
    }
    return length
  }
}
