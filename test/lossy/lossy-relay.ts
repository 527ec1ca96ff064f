import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

/** How bad a path is: chances per datagram, 0 to 1. */
export interface Impairment {
  drop: number
  duplicate: number
  /** Held back by `holdMs`, so that later ones overtake it. */
  reorder: number
  holdMs: { least: number; most: number }
}

/** What became of the datagrams, both directions together. */
export interface RelayCounts {
  passed: number
  dropped: number
  duplicated: number
  reordered: number
}

/** Numbers from 0 to 1 that come the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/**
 * A bad path between one peer and the engine, UDP on loopback: the peer speaks to `peerSide` and is heard from
 * `engineSide`, the engine the other way round.
 */
export class LossyRelay {
  readonly counts: RelayCounts = { passed: 0, dropped: 0, duplicated: 0, reordered: 0 }
  readonly #peerSocket: Socket
  readonly #engineSocket: Socket
  readonly #impairment: Impairment
  readonly #random: () => number
  readonly #held = new Set<NodeJS.Timeout>()
  #peerPort: number
  #closed = false

  private constructor(
    sockets: { peer: Socket; engine: Socket },
    ports: { peer: number; engine: number },
    impairment: Impairment,
    seed: number,
  ) {
    this.#peerSocket = sockets.peer
    this.#engineSocket = sockets.engine
    this.#impairment = impairment
    this.#random = seeded(seed)
    this.#peerPort = ports.peer
    sockets.peer.on('message', (bytes: Buffer, from: RemoteInfo) => {
      this.#peerPort = from.port
      this.#pass(() => sockets.engine.send(bytes, ports.engine, '127.0.0.1'))
    })
    sockets.engine.on('message', (bytes: Buffer) => {
      this.#pass(() => sockets.peer.send(bytes, this.#peerPort, '127.0.0.1'))
    })
  }

  /** `peerPort` is where the peer listens; the engine is at `enginePort`. */
  static async open(
    ports: { peer: number; engine: number },
    impairment: Impairment,
    seed: number,
  ): Promise<LossyRelay> {
    const [peer, engine] = await Promise.all([bound(), bound()])
    return new LossyRelay({ peer, engine }, ports, impairment, seed)
  }

  /** Where the peer sends to. */
  get peerSide(): number {
    return this.#peerSocket.address().port
  }

  /** What the engine takes for the peer. */
  get engineSide(): number {
    return this.#engineSocket.address().port
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#held) clearTimeout(timer)
    this.#held.clear()
    this.#peerSocket.close()
    this.#engineSocket.close()
  }

  #pass(send: () => void): void {
    const { drop, duplicate, reorder, holdMs } = this.#impairment
    // All four are drawn for each datagram, so that one chance does not shift the others.
    const draws = [this.#random(), this.#random(), this.#random(), this.#random()] as const
    if (draws[0] < drop) {
      this.counts.dropped++
      return
    }
    this.counts.passed++
    if (draws[2] < reorder) {
      this.counts.reordered++
      this.#later(holdMs.least + draws[3] * (holdMs.most - holdMs.least), send)
    } else send()
    if (draws[1] < duplicate) {
      this.counts.duplicated++
      this.#later(5 + draws[3] * 20, send)
    }
  }

  #later(delayMs: number, send: () => void): void {
    const timer = setTimeout(() => {
      this.#held.delete(timer)
      if (!this.#closed) send()
    }, delayMs)
    this.#held.add(timer)
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  // A peer that has gone makes the kernel say so on our socket; that is what the path is for.
  socket.on('error', () => undefined)
  return socket
}
