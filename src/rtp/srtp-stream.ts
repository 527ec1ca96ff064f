import { ReplayWindow } from './replay-window.ts'
import { StreamKeys, type SrtpCipher } from './srtp-cipher.ts'

/** What a context remembers of one SSRC. */
export interface StreamState {
  readonly ssrc: number
  readonly window: ReplayWindow
  readonly keys: StreamKeys
}

/**
 * The streams of one context, bounded. Only the stream in use keeps key stream made ahead, so that a peer
 * that changes its SSRC all the time costs us little.
 */
export class StreamTable {
  readonly #cipher: SrtpCipher
  readonly #limit: number
  readonly #streams = new Map<number, StreamState>()
  #current: StreamState | undefined

  constructor(cipher: SrtpCipher, limit: number) {
    this.#cipher = cipher
    this.#limit = limit
  }

  get full(): boolean {
    return this.#streams.size >= this.#limit
  }

  /** Looks only; the packet may still be a forgery. */
  find(ssrc: number): StreamState | undefined {
    const current = this.#current
    if (current !== undefined && current.ssrc === ssrc) return current
    return this.#streams.get(ssrc)
  }

  /** Adds the stream of a packet that is proven, or our own. */
  add(ssrc: number): StreamState {
    const stream = { ssrc, window: new ReplayWindow(), keys: new StreamKeys(this.#cipher, ssrc) }
    this.#streams.set(ssrc, stream)
    this.use(stream)
    return stream
  }

  /** Makes a stream the one in use, once its packet is proven. */
  use(stream: StreamState): void {
    if (stream === this.#current) return
    this.#current?.keys.forget()
    this.#current = stream
  }
}
