import { ApplianceError } from '#src/base/errors.ts'
import type { Random } from '#src/base/random.ts'
import type { DescribeRequest, LegMedia, RtpProfile, Side } from '#src/media/media-relay.ts'
import { masterKeyBytes, masterSaltBytes, type SrtpKey, type SrtpSuite } from '#src/rtp/key-derivation.ts'
import { keyFromBytes } from '#src/sdp/crypto-line.ts'
import { formatSdp } from '#src/sdp/format.ts'
import { findAudio, isAudioCodec, sharedCodecs, type AudioStream } from '#src/sdp/offer-answer.ts'
import { parseSdp, sdpInvalid } from '#src/sdp/parse.ts'
import { rewriteSdp } from '#src/sdp/rewrite.ts'
import type { MediaDescription } from '#src/sdp/session-description.ts'
import type { LegMediaSpec } from './protocol.ts'

/** A parsed description of one side. */
export interface Described {
  media: MediaDescription[]
  audio: AudioStream
}

interface SideState {
  /** Our key toward this side; made once and kept over re-offers. */
  sendKey: SrtpKey | undefined
  /** RTCP shares the RTP port, as the last exchange agreed. */
  rtcpMux: boolean
  origin: { sessionId: string; version: number; body: string }
}

/** Ports that a leg is bound to. */
export interface LegPorts {
  port: number
  rtcpPort: number
}

/**
 * Offer and answer of one session as text: what each side was told, our keys, and the versions of our o= lines.
 * Knows no socket; the relay binds ports and hands them in.
 */
export class SessionSdp {
  readonly #random: Random
  readonly #sides: Record<Side, SideState>
  #offer: { from: Side; described: Described; offeredMux: boolean } | undefined

  constructor(random: Random) {
    this.#random = random
    this.#sides = { caller: this.#newSide(), callee: this.#newSide() }
  }

  /** Who wrote the offer that is on the table. */
  get offerer(): Side | undefined {
    return this.#offer?.from
  }

  /** Checks an offer; changes nothing. */
  static readOffer(sdp: string): Described {
    return read(sdp)
  }

  /** Puts a checked offer on the table and prints it for the other side. */
  offer(request: DescribeRequest, described: Described, ports: LegPorts): string {
    const reader = otherSide(request.from)
    const state = this.#sides[reader]
    // Mux is never offered first; once agreed, leaving it out would end it (RFC 5761 5.1.1).
    this.#offer = { from: request.from, described, offeredMux: state.rtcpMux }
    const secure = request.toward.profile === 'RTP/SAVP'
    const crypto = secure
      ? {
          tag: 1,
          key: this.#keyFor(state, state.sendKey?.suite ?? 'AES_CM_128_HMAC_SHA1_80'),
          lifetimePackets: undefined,
        }
      : undefined
    if (!secure) state.sendKey = undefined
    return this.#print(state, request.toward, (replacement) =>
      rewriteSdp(
        described.audio,
        { media: described.media, audioIndex: described.audio.index },
        {
          ...replacement,
          ...ports,
          protocol: request.toward.profile,
          rtcpMux: state.rtcpMux,
          crypto,
        },
      ),
    )
  }

  /** Checks an answer against the offer on the table; changes nothing. */
  readAnswer(request: DescribeRequest): Described {
    const offer = this.#offer
    if (!offer || offer.from === request.from) {
      throw new ApplianceError('MEDIA_FAILED', { reason: 'an answer without an offer' })
    }
    const described = read(request.sdp)
    const shared = sharedCodecs(offer.described.audio.media.codecs, described.audio.media.codecs)
    const offeredSecure = this.#sides[request.from].sendKey !== undefined
    if (described.audio.secure !== offeredSecure)
      throw sdpInvalid('the answer has another profile than the offer')
    const suite = this.#sides[request.from].sendKey?.suite
    if (suite !== undefined && described.audio.crypto?.key.suite !== suite) {
      throw sdpInvalid('the answer has another crypto suite than the offer')
    }
    return {
      ...described,
      audio: { ...described.audio, media: { ...described.audio.media, codecs: shared } },
    }
  }

  /** Prints a checked answer for the offerer. The profile is that of its offer (RFC 3264 6). */
  answer(request: DescribeRequest, described: Described, ports: LegPorts): string {
    const offer = this.#offer!
    const { media, audio } = offer.described
    const state = this.#sides[offer.from]
    const chosen = audio.crypto
    const crypto = chosen && {
      tag: chosen.tag,
      key: this.#keyFor(state, chosen.key.suite),
      lifetimePackets: undefined,
    }
    if (!chosen) state.sendKey = undefined
    state.rtcpMux = audio.media.rtcpMux
    this.#sides[request.from].rtcpMux = offer.offeredMux && described.audio.media.rtcpMux
    return this.#print(state, request.toward, (replacement) =>
      rewriteSdp(
        described.audio,
        { media, audioIndex: audio.index },
        {
          ...replacement,
          ...ports,
          protocol: audio.media.protocol,
          rtcpMux: state.rtcpMux,
          crypto,
        },
      ),
    )
  }

  /** What the worker needs once `answer` has been called. */
  legSpecs(answer: Described): Record<Side, LegMediaSpec> {
    const offer = this.#offer!
    const rates = clockRates(offer.described.audio, answer.audio)
    const spec = (side: Side, audio: AudioStream): LegMediaSpec => ({
      sendKey: this.#sides[side].sendKey && sendable(this.#sides[side].sendKey),
      receiveKey: audio.crypto && sendable(audio.crypto.key),
      remote: audio.remote,
      remoteRtcp: audio.remoteRtcp,
      rtcpMux: this.#sides[side].rtcpMux,
      clockRates: rates,
    })
    const answerer = otherSide(offer.from)
    const offererSpec = spec(offer.from, offer.described.audio)
    const answererSpec = spec(answerer, answer.audio)
    return offer.from === 'caller'
      ? { caller: offererSpec, callee: answererSpec }
      : { caller: answererSpec, callee: offererSpec }
  }

  #print(
    state: SideState,
    toward: LegMedia,
    rewrite: (replacement: {
      address: string
      origin: { sessionId: string; version: number }
    }) => Parameters<typeof formatSdp>[0],
  ): string {
    const { origin } = state
    const session = rewrite({
      address: addressOf(toward),
      origin: { sessionId: origin.sessionId, version: 0 },
    })
    const body = formatSdp(session)
    // RFC 3264 8: the version rises by one when anything else changed, and only then.
    if (origin.body !== body) {
      origin.version++
      origin.body = body
    }
    return formatSdp({ ...session, origin: { ...session.origin, version: origin.version } })
  }

  #keyFor(state: SideState, suite: SrtpSuite): SrtpKey {
    // Another suite gets another key: one key under two suites would reuse its key stream.
    if (state.sendKey?.suite !== suite) {
      state.sendKey = keyFromBytes(
        suite,
        new Uint8Array(this.#random.bytes(masterKeyBytes + masterSaltBytes)),
      )
    }
    return state.sendKey
  }

  #newSide(): SideState {
    const sessionId = String(this.#random.bytes(4).readUInt32BE(0))
    return { sendKey: undefined, rtcpMux: false, origin: { sessionId, version: 0, body: '' } }
  }
}

/** The one who reads what the other wrote. */
export function otherSide(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller'
}

/** Profile of a leg as the media port names it. */
export function profileOf(secure: boolean): RtpProfile {
  return secure ? 'RTP/SAVP' : 'RTP/AVP'
}

function read(sdp: string): Described {
  const session = parseSdp(sdp)
  return { media: session.media, audio: findAudio(session) }
}

function addressOf(toward: LegMedia): string {
  return toward.advertisedAddress ?? toward.localAddress
}

/** A copy with its own memory: a view into Node's buffer pool would take its neighbours along to the worker. */
function sendable(key: SrtpKey): SrtpKey {
  return {
    suite: key.suite,
    masterKey: Uint8Array.from(key.masterKey),
    masterSalt: Uint8Array.from(key.masterSalt),
    ...(key.mki ? { mki: Uint8Array.from(key.mki) } : {}),
  }
}

function clockRates(...streams: AudioStream[]): [payload: number, rate: number][] {
  return streams.flatMap(({ media }) =>
    media.codecs.map((codec): [number, number] => [codec.payload, isAudioCodec(codec) ? codec.clockRate : 0]),
  )
}
