import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { RtpProfile } from '#src/media/media-relay.ts'
import type { SrtpKey } from '#src/rtp/key-derivation.ts'
import {
  createSrtpReceiver,
  createSrtpSender,
  type SrtpReceiver,
  type SrtpSender,
} from '#src/rtp/srtp-context.ts'
import { DtmfSender } from './dtmf-events.ts'
import { sampleRate } from './g711.ts'
import type { EndpointSession, EndpointStats, Pcm } from './media-endpoint.ts'
import type { MediaPorts } from './media-ports.ts'
import { OutgoingAudio } from './outgoing-audio.ts'
import { PacedSender } from './paced-sender.ts'
import { RtcpReporter, type ReportTarget } from './rtcp-reporter.ts'
import { RtpReceiver } from './rtp-receiver.ts'
import { RtpSender } from './rtp-sender.ts'
import type { LocalDescription, Negotiated } from './local-description.ts'

const frameMs = 20
const frameSamples = (sampleRate * frameMs) / 1000
/** 200 ms: what a jitter buffer still takes after a stall; older audio would only come too late. */
const maxCatchUp = 10

/** Everything a session is made of. */
export interface SessionParts {
  ports: MediaPorts
  description: LocalDescription
  clock: Clock
  random: Random
  logger: Logger
  /** Called once, when the session closed. */
  onClosed: () => void
}

/** RTP that ends here: an audio stream with telephone events, from the first description to `close`. */
export class RunningSession implements EndpointSession {
  onDtmf: ((key: string) => void) | undefined
  onAudio: ((pcm: Pcm) => void) | undefined
  readonly #parts: SessionParts
  readonly #audio = new OutgoingAudio(frameSamples)
  readonly #dtmf = new DtmfSender(frameSamples)
  readonly #sender: RtpSender
  readonly #receiver: RtpReceiver
  readonly #reporter: RtcpReporter
  readonly #pacer: PacedSender
  #agreed: Negotiated | undefined
  #srtpOut: SrtpSender | undefined
  #srtpIn: { key: SrtpKey; context: SrtpReceiver } | undefined
  #dtmfWaiters: ((whole: boolean) => void)[] = []
  #tick = 0
  #talking = false
  #closed = false

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#sender = new RtpSender(parts.ports.rtp, parts.random.bytes(8))
    this.#receiver = new RtpReceiver({
      onAudio: (pcm) => this.#heard(pcm),
      onKey: (key) => this.#guarded('onDtmf', () => this.onDtmf?.(key)),
    })
    this.#reporter = new RtcpReporter({
      clock: parts.clock,
      random: parts.random,
      rtp: this.#sender,
      // RFC 7022 4.2: a random name per session tells nobody which box this is.
      cname: parts.random.token(16),
      target: () => this.#reportTarget(),
      samplesNow: () => this.#tick * frameSamples,
    })
    this.#pacer = new PacedSender({
      clock: parts.clock,
      intervalMs: frameMs,
      maxCatchUp,
      onTick: (tick) => this.#onTick(tick),
    })
    this.#listen(parts.ports)
  }

  get localSdp(): string {
    return this.#parts.description.text
  }

  get profile(): RtpProfile {
    return this.#parts.description.profile
  }

  get stats(): EndpointStats {
    return {
      receivedPackets: this.#receiver.received,
      sentPackets: this.#sender.packets,
      badTag: this.#receiver.badTag,
      lostPackets: this.#receiver.lost,
    }
  }

  acceptAnswer(answerSdp: string): void {
    this.#agree(this.#parts.description.acceptAnswer(answerSdp))
  }

  renegotiate(offerSdp: string): string {
    this.#agree(this.#parts.description.answer(offerSdp))
    return this.localSdp
  }

  play(pcm: Pcm, options: { repeat?: boolean } = {}): Promise<boolean> {
    return this.#closed ? Promise.resolve(false) : this.#audio.play(pcm, options.repeat ?? false)
  }

  stopPlaying(): void {
    this.#audio.stop()
  }

  sendDtmf(keys: string): Promise<boolean> {
    const unable = this.#closed || (this.#agreed && this.#agreed.dtmfPayloadType === undefined)
    if (unable || !this.#dtmf.add(keys)) return Promise.resolve(false)
    return new Promise((resolve) => this.#dtmfWaiters.push(resolve))
  }

  echo(on: boolean): void {
    this.#audio.echo(on)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pacer.stop()
    this.#audio.stop()
    this.#endDtmf(false)
    // The sockets close once the goodbye is out: a closed socket would drop it silently.
    this.#reporter.stop(() => {
      this.#parts.ports.close()
      this.#parts.onClosed()
    })
  }

  #listen({ rtp, rtcp }: MediaPorts): void {
    rtp.on('message', (packet, source) => {
      if (!this.#closed) this.#receiver.accept(packet, { host: source.address, port: source.port })
    })
    // Reports of the peer are taken off the socket; our own counters say what they would.
    rtcp.on('message', () => undefined)
    for (const socket of [rtp, rtcp]) {
      socket.on('error', (error) => this.#parts.logger.warn({ err: error }, 'a media socket failed'))
    }
  }

  #agree(agreed: Negotiated): void {
    this.#agreed = agreed
    if (agreed.keys) {
      // One sending context for the whole session: a second one under the same key would repeat its key stream.
      this.#srtpOut ??= createSrtpSender(agreed.keys.send)
      this.#sender.protectWith(this.#srtpOut)
      const key = agreed.keys.receive
      // The same key goes on with its rollover counter and replay window.
      if (!this.#srtpIn || !sameKey(this.#srtpIn.key, key)) {
        this.#srtpIn = { key, context: createSrtpReceiver(key) }
      }
    }
    this.#receiver.expect({
      codecs: agreed.incomingCodecs,
      dtmfPayloadTypes: agreed.incomingDtmf,
      srtp: this.#srtpIn?.context,
      expected: agreed.remote,
    })
    if (agreed.dtmfPayloadType === undefined) this.#endDtmf(false)
    this.#pacer.start()
    this.#reporter.start()
  }

  #onTick(tick: number): void {
    this.#tick = tick
    const agreed = this.#agreed
    // What plays waits while the peer does not listen, so a held person misses nothing.
    const to = this.#receiver.peer ?? agreed?.remote
    if (!agreed?.peerListens || !to) {
      this.#talking = false
      return
    }
    const timestamp = tick * frameSamples
    if (this.#dtmf.busy) {
      const packet = this.#dtmf.next(timestamp)
      if (!this.#dtmf.busy) this.#endDtmf(true)
      if (packet && agreed.dtmfPayloadType !== undefined) {
        this.#sender.send({ ...packet, payloadType: agreed.dtmfPayloadType }, to)
        this.#talking = false
        return
      }
    }
    const payload = agreed.codec.encode(this.#audio.next())
    // RFC 3551 4.1: the marker says that audio begins after a pause.
    const marker = !this.#talking
    this.#talking = true
    this.#sender.send({ payload, payloadType: agreed.payloadType, timestamp, marker }, to)
  }

  #heard(pcm: Pcm): void {
    this.#audio.hear(pcm)
    if (this.onAudio) this.#guarded('onAudio', () => this.onAudio?.(pcm))
  }

  // A listener's defect must not end the socket's event, and with it the process.
  #guarded(listener: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#parts.logger.error({ err: error, listener }, 'a media listener threw')
    }
  }

  #endDtmf(whole: boolean): void {
    this.#dtmf.clear()
    for (const resolve of this.#dtmfWaiters.splice(0)) resolve(whole)
  }

  #reportTarget(): ReportTarget | undefined {
    const agreed = this.#agreed
    const muxed = agreed?.rtcp === 'mux'
    const to = agreed?.rtcp === 'mux' ? (this.#receiver.peer ?? agreed.remote) : agreed?.rtcp
    const { rtp, rtcp } = this.#parts.ports
    return to && { socket: muxed ? rtp : rtcp, to, srtp: this.#srtpOut }
  }
}

function sameKey(one: SrtpKey, other: SrtpKey): boolean {
  return (
    one.suite === other.suite &&
    Buffer.compare(one.masterKey, other.masterKey) === 0 &&
    Buffer.compare(one.masterSalt, other.masterSalt) === 0
  )
}
