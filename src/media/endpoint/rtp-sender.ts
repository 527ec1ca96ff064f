import type { Socket } from 'node:dgram'
import type { Endpoint } from '#src/base/net.ts'
import { rtpFixedHeaderBytes, writeRtpHeader } from '#src/rtp/packet.ts'
import { srtpOverheadBytes, type SrtpSender } from '#src/rtp/srtp-context.ts'

/** One RTP packet to send. */
export interface OutgoingPacket {
  payload: Uint8Array
  payloadType: number
  /** Samples since the start of the session; the random offset is added here. */
  timestamp: number
  marker: boolean
}

/** The RTP stream that a session sends: one SSRC, one sequence, whatever is renegotiated around it. */
export class RtpSender {
  readonly ssrc: number
  readonly #socket: Socket
  readonly #timestampOffset: number
  #sequence: number
  #srtp: SrtpSender | undefined
  #packets = 0
  #octets = 0

  /** `seed` is eight random bytes: SSRC, first timestamp and sequence number must not be guessable (RFC 3550 5.1). */
  constructor(socket: Socket, seed: Buffer) {
    this.#socket = socket
    this.ssrc = seed.readUInt32BE(0)
    this.#timestampOffset = (seed.readUInt32BE(4) & 0xffff0000) >>> 0
    // RFC 3711 3.3.1: begin in the lower half, or a loss of the first packets makes the peer guess a wrong rollover.
    this.#sequence = seed.readUInt16BE(6) & 0x7fff
  }

  get packets(): number {
    return this.#packets
  }

  /** Payload bytes sent, for the sender report. */
  get octets(): number {
    return this.#octets
  }

  /** Encrypts from now on; set once per key, since a second context would repeat its key stream. */
  protectWith(srtp: SrtpSender): void {
    this.#srtp = srtp
  }

  /** The RTP timestamp of a sample count. */
  timestampOf(samples: number): number {
    return (this.#timestampOffset + samples) % 0x100000000
  }

  send({ payload, payloadType, timestamp, marker }: OutgoingPacket, to: Endpoint): void {
    const clearLength = rtpFixedHeaderBytes + payload.length
    // One buffer per packet: the kernel may take it later than this call returns.
    const packet = Buffer.allocUnsafe(clearLength + srtpOverheadBytes)
    writeRtpHeader(packet, {
      marker,
      payloadType,
      sequence: this.#sequence,
      timestamp: this.timestampOf(timestamp),
      ssrc: this.ssrc,
    })
    packet.set(payload, rtpFixedHeaderBytes)
    this.#sequence = (this.#sequence + 1) & 0xffff
    const length = this.#srtp ? this.#srtp.protectRtp(packet, clearLength) : clearLength
    if (length < 0) return
    this.#packets++
    this.#octets += payload.length
    // What the kernel refuses (no route, unreachable) is lost like any other packet; the peer's reports count it.
    this.#socket.send(packet, 0, length, to.port, to.host, () => undefined)
  }
}
