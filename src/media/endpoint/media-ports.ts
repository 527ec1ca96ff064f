import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { ApplianceError, errorText } from '#src/base/errors.ts'

/** Where sessions get their ports: a range, or (both 0) whatever the system gives. */
export interface PortRange {
  /** First RTP port; rounded up to an even one. */
  min: number
  /** Last port, RTCP's included. */
  max: number
}

/** The two sockets of a session: RTP, and RTCP beside it. */
export interface MediaPorts {
  rtp: Socket
  rtcp: Socket
  rtpPort: number
  rtcpPort: number
  close(): void
}

/** Hands out pairs of ports in turn, so that a port rests before it is used again (late packets of an old call). */
export class MediaPortPool {
  readonly #first: number
  readonly #pairs: number
  #turn = 0
  readonly #taken = new Set<number>()

  constructor({ min, max }: PortRange) {
    this.#first = min + (min & 1)
    this.#pairs = min === 0 && max === 0 ? 0 : Math.max(0, (max - this.#first + 1) >> 1)
    if (this.#pairs === 0 && max !== 0) {
      throw new ApplianceError(
        'CONFIG_INVALID',
        { min, max },
        { text: 'The media port range holds no pair.' },
      )
    }
  }

  /** Pairs in use, for the leak counters of tests and health. */
  get inUse(): number {
    return this.#taken.size
  }

  /** Binds a pair on `address`; rejects with MEDIA_PORTS_EXHAUSTED, or MEDIA_FAILED when the address is not ours. */
  async open(address: string): Promise<MediaPorts> {
    if (this.#pairs === 0) {
      return this.#bindPair(address, 0, 0).catch((error: unknown) => {
        throw mediaFailed(address, error)
      })
    }
    for (let tries = 0; tries < this.#pairs; tries++) {
      const port = this.#first + 2 * (this.#turn++ % this.#pairs)
      if (this.#taken.has(port)) continue
      this.#taken.add(port)
      try {
        return await this.#bindPair(address, port, port + 1)
      } catch (error) {
        this.#taken.delete(port)
        // Another program holds this port: go on with the next pair. Anything else fails everywhere.
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw mediaFailed(address, error)
      }
    }
    throw new ApplianceError('MEDIA_PORTS_EXHAUSTED', { pairs: this.#pairs, inUse: this.#taken.size })
  }

  async #bindPair(address: string, rtpPort: number, rtcpPort: number): Promise<MediaPorts> {
    const rtp = await bind(address, rtpPort)
    try {
      const rtcp = await bind(address, rtcpPort)
      const boundPort = rtp.address().port
      this.#taken.add(boundPort)
      return {
        rtp,
        rtcp,
        rtpPort: boundPort,
        rtcpPort: rtcp.address().port,
        close: () => {
          rtp.close()
          rtcp.close()
          this.#taken.delete(boundPort)
        },
      }
    } catch (error) {
      rtp.close()
      throw error
    }
  }
}

function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      socket.close()
      reject(error)
    }
    socket.once('error', onError)
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', onError)
      resolve(socket)
    })
  })
}

function mediaFailed(address: string, cause: unknown): ApplianceError {
  return new ApplianceError('MEDIA_FAILED', { address, reason: errorText(cause) }, { cause })
}
