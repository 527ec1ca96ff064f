import { ApplianceError } from '#src/base/errors.ts'
import type { Endpoint } from '#src/base/net.ts'
import type { Random } from '#src/base/random.ts'
import type { RtpProfile } from '#src/media/media-relay.ts'
import { masterKeyBytes, masterSaltBytes, type SrtpKey, type SrtpSuite } from '#src/rtp/key-derivation.ts'
import { keyFromBytes, type CryptoLine } from '#src/sdp/crypto-line.ts'
import { formatSdp } from '#src/sdp/format.ts'
import { answerDirection, findAudio, sharedCodecs, type AudioStream } from '#src/sdp/offer-answer.ts'
import { parseSdp, sdpInvalid } from '#src/sdp/parse.ts'
import { rewriteSdp } from '#src/sdp/rewrite.ts'
import type { Codec, MediaDescription } from '#src/sdp/session-description.ts'
import { g711Codec, sampleRate, type G711Codec } from './g711.ts'

/** What two descriptions agreed on, as the session needs it. */
export interface Negotiated {
  /** Where the peer wants RTP; undefined while it is held by c=0.0.0.0. */
  remote: Endpoint | undefined
  /** Where the peer wants RTCP; `mux` = on the RTP port (RFC 5761). */
  rtcp: Endpoint | 'mux' | undefined
  /** False while the peer has us on hold: nothing is sent then. */
  peerListens: boolean
  /** What we send. */
  codec: G711Codec
  payloadType: number
  /** Payload type for telephone events that we send; undefined when the peer takes none. */
  dtmfPayloadType: number | undefined
  /** What may come in. */
  incomingCodecs: ReadonlyMap<number, G711Codec>
  incomingDtmf: readonly number[]
  /** Undefined for plain RTP. */
  keys: { send: SrtpKey; receive: SrtpKey } | undefined
}

/** What stays the same through all descriptions of a session. */
export interface DescriptionOptions {
  address: string
  rtpPort: number
  rtcpPort: number
  /** Refuse any other profile. */
  require: RtpProfile | undefined
  random: Random
}

const ptimeMs = 20
const offeredSuite: SrtpSuite = 'AES_CM_128_HMAC_SHA1_80'
const dtmfEvents = '0-15'

const offeredCodecs: Codec[] = [
  { payload: 8, name: 'PCMA', clockRate: sampleRate, channels: undefined, fmtp: undefined },
  { payload: 0, name: 'PCMU', clockRate: sampleRate, channels: undefined, fmtp: undefined },
  { payload: 101, name: 'telephone-event', clockRate: sampleRate, channels: undefined, fmtp: dtmfEvents },
]

/** Our side of offer and answer (RFC 3264): ports, session id and key stay, whatever is renegotiated. */
export class LocalDescription {
  readonly #options: DescriptionOptions
  readonly #sessionId: string
  #version = 1
  #text = ''
  #key: CryptoLine | undefined
  #profile: RtpProfile | undefined

  constructor(options: DescriptionOptions) {
    this.#options = options
    this.#sessionId = String(options.random.bytes(4).readUInt32BE(0))
  }

  /** The latest description of ours; empty before the first. */
  get text(): string {
    return this.#text
  }

  get profile(): RtpProfile {
    return this.#profile ?? 'RTP/AVP'
  }

  /** Describes us as an offer. */
  offer(profile: RtpProfile): void {
    this.#profile = profile
    const crypto = profile === 'RTP/SAVP' ? this.#ownKey(1, offeredSuite) : undefined
    const media: MediaDescription = {
      kind: 'audio',
      port: this.#options.rtpPort,
      protocol: profile,
      formats: '',
      codecs: offeredCodecs,
      address: this.#options.address,
      rtcp: undefined,
      rtcpMux: false,
      direction: 'sendrecv',
      ptimeMs,
      maxptimeMs: undefined,
      silenceSupp: undefined,
      crypto: [],
    }
    this.#write({ index: 0, media, direction: 'sendrecv' }, [media], crypto)
  }

  /** Takes the answer to our offer; the same again is allowed (183, then 200). */
  acceptAnswer(answerSdp: string): Negotiated {
    const audio = findAudio(parseSdp(answerSdp))
    this.#checkProfile(audio)
    if (audio.crypto && (audio.crypto.tag !== 1 || audio.crypto.key.suite !== offeredSuite)) {
      throw sdpInvalid('the answer takes a key that was not offered')
    }
    const shared = sharedCodecs(offeredCodecs, audio.media.codecs)
    return this.#negotiated(audio, shared, offeredCodecs)
  }

  /** Answers an offer or re-offer: the first G.711 codec of the offer, telephone events if offered. */
  answer(offerSdp: string): Negotiated {
    const offer = parseSdp(offerSdp)
    const audio = findAudio(offer)
    this.#checkProfile(audio)
    const spoken = audio.media.codecs.find((codec) => codecOf(codec))
    if (!spoken) {
      throw new ApplianceError('MEDIA_NO_CODEC', { offered: audio.media.codecs.map((codec) => codec.name) })
    }
    const events = audio.media.codecs.find(isTelephoneEvent)
    const codecs = events ? [spoken, { ...events, fmtp: dtmfEvents }] : [spoken]
    const crypto = audio.crypto && this.#ownKey(audio.crypto.tag, audio.crypto.key.suite)
    this.#profile = audio.secure ? 'RTP/SAVP' : 'RTP/AVP'
    const negotiated = this.#negotiated(audio, codecs, codecs)
    const media = { ...audio.media, codecs, ptimeMs, maxptimeMs: undefined, silenceSupp: undefined }
    this.#write(
      { index: audio.index, media, direction: answerDirection(audio.direction) },
      offer.media,
      crypto,
    )
    return negotiated
  }

  #checkProfile(audio: AudioStream): void {
    const profile = audio.secure ? 'RTP/SAVP' : 'RTP/AVP'
    const wanted = this.#options.require ?? this.#profile ?? profile
    if (profile !== wanted) throw sdpInvalid(`profile ${profile} instead of ${wanted}`)
  }

  #negotiated(audio: AudioStream, answered: readonly Codec[], ours: readonly Codec[]): Negotiated {
    const spoken = answered.find((codec) => codecOf(codec))
    const codec = spoken && codecOf(spoken)
    if (!codec) throw new ApplianceError('MEDIA_NO_CODEC', { answered: answered.map((one) => one.name) })
    const events = answered.find(isTelephoneEvent)
    // RFC 3264 5.1: each side receives under its own numbers. Some peers use theirs both ways, so both are taken.
    const taken = [...ours, ...answered]
    return {
      remote: audio.remote,
      rtcp: audio.media.rtcpMux ? 'mux' : audio.remoteRtcp,
      peerListens:
        audio.remote !== undefined && (audio.direction === 'sendrecv' || audio.direction === 'recvonly'),
      codec,
      payloadType: spoken.payload,
      dtmfPayloadType: events?.payload,
      incomingCodecs: new Map(
        taken.flatMap((one) => {
          const known = codecOf(one)
          return known ? [[one.payload, known] as const] : []
        }),
      ),
      incomingDtmf: events ? taken.filter(isTelephoneEvent).map((one) => one.payload) : [],
      keys: audio.crypto && this.#key && { send: this.#key.key, receive: audio.crypto.key },
    }
  }

  /** Our key: made once per session; a re-offer may number it anew, but another suite would need another key. */
  #ownKey(tag: number, suite: SrtpSuite): CryptoLine {
    if (this.#key && this.#key.key.suite !== suite)
      throw sdpInvalid('the SRTP suite changed within the session')
    const key =
      this.#key?.key ?? keyFromBytes(suite, this.#options.random.bytes(masterKeyBytes + masterSaltBytes))
    this.#key = { tag, key, lifetimePackets: undefined }
    return this.#key
  }

  #write(
    stream: Pick<AudioStream, 'index' | 'media' | 'direction'>,
    layout: MediaDescription[],
    crypto: CryptoLine | undefined,
  ): void {
    const { address, rtpPort, rtcpPort } = this.#options
    const { rtcpMux, protocol } = stream.media
    const audio = {
      ...stream,
      secure: crypto !== undefined,
      remote: undefined,
      remoteRtcp: undefined,
      crypto,
    }
    const print = (version: number): string =>
      formatSdp(
        rewriteSdp(
          audio,
          { media: layout, audioIndex: stream.index },
          {
            address,
            port: rtpPort,
            rtcpPort: rtcpMux ? rtpPort : rtcpPort,
            protocol,
            rtcpMux,
            crypto,
            origin: { sessionId: this.#sessionId, version },
          },
        ),
      )
    // RFC 3264 8: the version rises by one with each change and stays when nothing changed.
    if (this.#text !== '' && print(this.#version) !== this.#text) this.#version++
    this.#text = print(this.#version)
  }
}

function codecOf(codec: Codec): G711Codec | undefined {
  return codec.clockRate === sampleRate ? g711Codec(codec.name) : undefined
}

function isTelephoneEvent(codec: Codec): boolean {
  return codec.name.toLowerCase() === 'telephone-event' && codec.clockRate === sampleRate
}
