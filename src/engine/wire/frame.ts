/** Largest frame taken from an application, bytes. */
export const maxFrameBytes = 4 * 1024 * 1024

// As many digits as `maxFrameBytes` has: a longer prefix can only be an attack or another protocol.
const maxLengthDigits = 7
const hash = 0x23

/** What arrived is no frame; the connection must be closed. */
export class FrameError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'FrameError'
  }
}

/** Puts the byte count in front: `len#payload`. */
export function encodeFrame(payload: string): string {
  return `${Buffer.byteLength(payload, 'utf8')}#${payload}`
}

/** Cuts a byte stream into payloads, wherever it was split on its way. */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #size = 0
  /** Bytes of the payload being read; -1 while its length is unknown. */
  #wanted = -1

  constructor(maxBytes = maxFrameBytes) {
    this.#maxBytes = maxBytes
  }

  /** Takes what arrived and gives out every payload that is complete. Throws FrameError. */
  push(chunk: Buffer): string[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    const payloads: string[] = []
    for (;;) {
      if (this.#wanted < 0 && !this.#readLength()) return payloads
      if (this.#size < this.#wanted) return payloads
      const all = this.#joined()
      payloads.push(all.toString('utf8', 0, this.#wanted))
      this.#keep(all.subarray(this.#wanted))
      this.#wanted = -1
    }
  }

  #readLength(): boolean {
    if (this.#size === 0) return false
    const all = this.#joined()
    let value = 0
    for (let index = 0; index < all.length; index++) {
      const code = all[index] as number
      if (code === hash && index > 0) {
        this.#wanted = value
        this.#keep(all.subarray(index + 1))
        return true
      }
      if (code < 0x30 || code > 0x39 || index >= maxLengthDigits) {
        throw new FrameError('a frame must begin with its byte count and #')
      }
      value = value * 10 + (code - 0x30)
      if (value > this.#maxBytes) throw new FrameError(`a frame of more than ${this.#maxBytes} bytes`)
    }
    return false
  }

  // Chunks are joined only when something can be read: a large frame in small pieces is copied once.
  #joined(): Buffer {
    const first = this.#chunks[0]
    if (this.#chunks.length === 1 && first) return first
    const all = Buffer.concat(this.#chunks, this.#size)
    this.#chunks = [all]
    return all
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
  }
}
