import type { Endpoint } from '#src/base/net.ts'
import { classify } from '#src/rtp/demux.ts'
import {
  rtpPayloadEnd,
  rtpPayloadOffset,
  rtpPayloadType,
  rtpSequence,
  rtpSsrc,
  rtpTimestamp,
} from '#src/rtp/packet.ts'
import { srtpFailure, type SrtpReceiver } from '#src/rtp/srtp-context.ts'
import { DtmfReceiver } from './dtmf-events.ts'
import type { G711Codec } from './g711.ts'
import type { Pcm } from './media-endpoint.ts'
import { ReorderBuffer } from './reorder-buffer.ts'

/** What was agreed about the packets that come in. */
export interface IncomingFormat {
  codecs: ReadonlyMap<number, G711Codec>
  /** Payload types of telephone events; empty when none was agreed. */
  dtmfPayloadTypes: readonly number[]
  /** Present when SRTP was agreed: plain packets are then refused. */
  srtp: SrtpReceiver | undefined
  /** Where the peer said it is; undefined while it says nothing (held by c=0.0.0.0). */
  expected: Endpoint | undefined
}

/** The way up from the receiver. */
export interface IncomingUser {
  onAudio(pcm: Pcm): void
  onKey(key: string): void
}

interface AudioPacket {
  codec: G711Codec
  payload: Uint8Array
}

/** Packets that may overtake each other before a gap is given up: 60 ms. */
const reorderDepth = 3

/** The RTP that a session hears: proves each packet, learns where the peer really sends from, decodes. */
export class RtpReceiver {
  readonly #user: IncomingUser
  readonly #dtmf = new DtmfReceiver()
  readonly #reorder: ReorderBuffer<AudioPacket | undefined>
  #format: IncomingFormat | undefined
  #ssrc: number | undefined
  #peer: Endpoint | undefined
  #received = 0
  #badTag = 0

  constructor(user: IncomingUser) {
    this.#user = user
    this.#reorder = new ReorderBuffer(reorderDepth, (packet) => this.#play(packet))
  }

  get received(): number {
    return this.#received
  }

  get badTag(): number {
    return this.#badTag
  }

  get lost(): number {
    return this.#reorder.lost
  }

  /** Where proven packets come from; undefined until the first after the latest `expect`. */
  get peer(): Endpoint | undefined {
    return this.#peer
  }

  /** Takes what was agreed; may be called again by a re-offer. The peer may then send from elsewhere. */
  expect(format: IncomingFormat): void {
    const expected = format.expected ?? this.#format?.expected
    const known = this.#format?.expected
    if (!known || !expected || !sameEndpoint(known, expected)) this.#peer = undefined
    this.#format = { ...format, expected }
  }

  accept(packet: Buffer, source: Endpoint): void {
    const format = this.#format
    if (!format || classify(packet, packet.length) !== 'rtp') return
    let length = packet.length
    if (format.srtp) {
      length = format.srtp.unprotectRtp(packet, packet.length)
      if (length === srtpFailure.badTag || length === srtpFailure.malformed) this.#badTag++
      if (length < 0) return
    }
    const payloadOffset = rtpPayloadOffset(packet, length)
    if (payloadOffset < 0) return
    const payloadEnd = rtpPayloadEnd(packet, length, payloadOffset)
    if (payloadEnd < 0) return
    const payloadType = rtpPayloadType(packet)
    const isDtmf = format.dtmfPayloadTypes.includes(payloadType)
    const codec = format.codecs.get(payloadType)
    if (!isDtmf && !codec && payloadType !== comfortNoise) return
    if (!this.#isPeer(source, format)) return
    this.#received++
    const ssrc = rtpSsrc(packet)
    if (ssrc !== this.#ssrc) {
      this.#ssrc = ssrc
      this.#reorder.restart()
      this.#dtmf.reset()
    }
    const payload = packet.subarray(payloadOffset, payloadEnd)
    // Events are told at once, their own timestamps guard them; their numbers still belong to the sequence.
    if (isDtmf) {
      const key = this.#dtmf.accept(payload, rtpTimestamp(packet))
      if (key !== undefined) this.#user.onKey(key)
    }
    this.#reorder.push(rtpSequence(packet), codec && { codec, payload })
  }

  /**
   * Learns the peer's real address (a phone behind NAT writes another into its SDP). SRTP packets are proven, the
   * newest wins. Plain ones are not: the first source holds until the next description moves it.
   */
  #isPeer(source: Endpoint, format: IncomingFormat): boolean {
    if (this.#peer && sameEndpoint(this.#peer, source)) return true
    const expected = format.expected && sameEndpoint(source, format.expected)
    if (this.#peer && !format.srtp && !expected) return false
    this.#peer = { host: source.host, port: source.port }
    return true
  }

  #play(packet: AudioPacket | undefined): void {
    if (packet) this.#user.onAudio(packet.codec.decode(packet.payload))
  }
}

/** RFC 3389: a sender that suppresses silence describes it once; nothing of it is played here. */
const comfortNoise = 13

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.host === other.host
}
