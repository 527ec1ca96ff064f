import { ApplianceError } from '#src/base/errors.ts'
import type { Random } from '#src/base/random.ts'
import type { DescribeRequest, Side } from '#src/media/media-relay.ts'
import { formatSdp } from '#src/sdp/format.ts'
import { findAudio, sharedCodecs, type AudioStream } from '#src/sdp/offer-answer.ts'
import { parseSdp, sdpInvalid } from '#src/sdp/parse.ts'
import { rewriteSdp } from '#src/sdp/rewrite.ts'
import type { MediaDescription } from '#src/sdp/session-description.ts'

interface Described {
  media: MediaDescription[]
  audio: AudioStream
}

/**
 * What we keep of a session that rtpengine relays: it checks descriptions before rtpengine sees them, by the same
 * rules as the embedded relay, and prints what comes back in the same way.
 */
export class NgSession {
  /** Unguessable, because rtpengine may be shared. */
  readonly callId: string
  readonly #originIds: Record<Side, string>
  readonly #versions: Record<Side, { version: number; body: string }> = {
    caller: { version: 0, body: '' },
    callee: { version: 0, body: '' },
  }
  #offer: { from: Side; described: Described; secureToward: boolean } | undefined
  #lastAnswer: { key: string; text: string } | undefined
  /** An answer was given once, so both tags are known to rtpengine. */
  answered = false

  constructor(random: Random) {
    this.callId = random.token(24)
    this.#originIds = { caller: random.digits(9), callee: random.digits(9) }
  }

  /** Checks an offer and prints what rtpengine gets to see of it. */
  prepareOffer(request: DescribeRequest): string {
    const session = parseSdp(request.sdp)
    const audio = findAudio(session)
    return this.#forEngine(request.from, audio, { media: session.media, audioIndex: audio.index })
  }

  /** Takes rtpengine's reply for the text that goes to the other side. */
  finishOffer(request: DescribeRequest, reply: string): string {
    const session = parseSdp(request.sdp)
    this.#offer = {
      from: request.from,
      described: { media: session.media, audio: findAudio(session) },
      secureToward: request.toward.profile === 'RTP/SAVP',
    }
    this.#lastAnswer = undefined
    return this.#print(request.from === 'caller' ? 'callee' : 'caller', reply)
  }

  /** The text of an answer that was given before, word for word. */
  repeatedAnswer(request: DescribeRequest): string | undefined {
    return this.#lastAnswer?.key === answerKey(request) ? this.#lastAnswer.text : undefined
  }

  /** Checks an answer against the offer and prints what rtpengine gets to see of it. */
  prepareAnswer(request: DescribeRequest): string {
    const offer = this.#offer
    if (!offer || offer.from === request.from) {
      throw new ApplianceError('MEDIA_FAILED', { reason: 'an answer without an offer' })
    }
    const audio = findAudio(parseSdp(request.sdp))
    const { described, secureToward } = offer
    const codecs = sharedCodecs(described.audio.media.codecs, audio.media.codecs)
    if (audio.secure !== secureToward) throw sdpInvalid('the answer has another profile than the offer')
    return this.#forEngine(
      request.from,
      { ...audio, media: { ...audio.media, codecs } },
      { media: described.media, audioIndex: described.audio.index },
    )
  }

  /** Takes rtpengine's reply for the text that goes to the offerer. */
  finishAnswer(request: DescribeRequest, reply: string): string {
    this.answered = true
    const text = this.#print(request.from === 'caller' ? 'callee' : 'caller', reply)
    this.#lastAnswer = { key: answerKey(request), text }
    return text
  }

  #forEngine(
    writer: Side,
    audio: AudioStream,
    layout: { media: MediaDescription[]; audioIndex: number },
  ): string {
    const { media } = audio
    return formatSdp(
      rewriteSdp(audio, layout, {
        address: media.address ?? '0.0.0.0',
        port: media.port,
        rtcpPort: media.rtcp?.port ?? (media.rtcpMux ? media.port : media.port + 1),
        protocol: media.protocol,
        rtcpMux: media.rtcpMux,
        crypto: audio.crypto,
        origin: { sessionId: this.#originIds[writer], version: 1 },
      }),
    )
  }

  #print(reader: Side, reply: string): string {
    const session = parseSdp(reply)
    const state = this.#versions[reader]
    const body = formatSdp({
      ...session,
      origin: { ...session.origin, sessionId: this.#originIds[reader], version: 0 },
      media: session.media.map((media) => ({
        ...media,
        // A hold by c=0.0.0.0 comes back as one; its direction says the same, with a real address.
        address: media.address === '0.0.0.0' ? session.origin.address : media.address,
      })),
    })
    if (state.body !== body) {
      state.version++
      state.body = body
    }
    return body.replace(/^(o=\S+ \S+) 0 /m, `$1 ${state.version} `)
  }
}

function answerKey(request: DescribeRequest): string {
  return JSON.stringify([request.from, request.toward, request.sdp])
}
