import type { Clock } from '#src/base/clock.ts'
import { HeardAudio } from '#src/media/endpoint/heard-audio.ts'
import type { EndpointSession } from '#src/media/endpoint/media-endpoint.ts'
import type { LabCall, LabCallMedia } from '../teams-edge-port.ts'

/** How the list of calls tells a full scale: a sine at full scale is +3.14 dBm0 (G.711). */
const fullScaleDbm0 = 3.14
const keptSeconds = 3
/** Looking for a tone costs milliseconds: not again before so much more was heard. */
const samplesBetweenLooks = 4000
const maxDtmf = 64

/** One call of the lab, from its INVITE to its end, as the list shows it. */
export class LabCallEntry {
  readonly callId: string
  /** Ends the call from outside; set while it goes on. */
  hangUp: (() => void) | undefined
  readonly #clock: Clock
  readonly #facts: LabCall
  /** Present while there is audio; hundreds of ended calls keep none. */
  #heard: HeardAudio | undefined
  #session: EndpointSession | undefined
  #lookedAt = 0
  #tone: { hz: number; levelDbm0: number } | undefined

  constructor(clock: Clock, start: Pick<LabCall, 'callId' | 'direction' | 'from' | 'to'>) {
    this.callId = start.callId
    this.#clock = clock
    this.#facts = {
      ...start,
      state: 'ringing',
      startedAtMs: clock.nowMs(),
      answeredAtMs: undefined,
      endedAtMs: undefined,
      sipStatus: undefined,
      reason: undefined,
      media: {
        receivedPackets: 0,
        sentPackets: 0,
        lostPackets: 0,
        allSrtp: true,
        heardToneHz: undefined,
        heardToneDb: undefined,
        heardDtmf: '',
      },
    }
  }

  get ended(): boolean {
    return this.#facts.state === 'ended'
  }

  /** Listens to what this session hears from now on. */
  listenTo(session: EndpointSession): void {
    const heard = new HeardAudio(keptSeconds)
    this.#session = session
    this.#heard = heard
    session.onAudio = (pcm) => heard.add(pcm)
    session.onDtmf = (key) => {
      const { media } = this.#facts
      if (media.heardDtmf.length < maxDtmf) media.heardDtmf += key
    }
  }

  answered(): void {
    this.#facts.state = 'answered'
    this.#facts.answeredAtMs = this.#clock.nowMs()
    this.#facts.sipStatus = 200
  }

  /** The end; only the first is kept. `sipStatus` is that of the INVITE. */
  end(sipStatus: number, reason: string | undefined): void {
    if (this.ended) return
    this.#readMedia(true)
    this.#session = undefined
    this.#heard = undefined
    this.hangUp = undefined
    Object.assign(this.#facts, { state: 'ended', endedAtMs: this.#clock.nowMs(), sipStatus, reason })
  }

  /** The call as it is now. */
  view(): LabCall {
    if (this.#session) this.#readMedia(false)
    return { ...this.#facts, media: { ...this.#facts.media } }
  }

  #readMedia(final: boolean): void {
    const { media } = this.#facts
    if (this.#session) Object.assign(media, countersOf(this.#session))
    const heard = this.#heard
    if (!heard) return
    const enough = this.#lookedAt + (this.#tone ? samplesBetweenLooks : 1)
    if (heard.samples === this.#lookedAt || (!final && heard.samples < enough)) return
    this.#lookedAt = heard.samples
    this.#tone = heard.tone() ?? this.#tone
    if (!this.#tone) return
    media.heardToneHz = Math.round(this.#tone.hz * 10) / 10
    media.heardToneDb = Math.round((this.#tone.levelDbm0 - fullScaleDbm0) * 10) / 10
  }
}

function countersOf(session: EndpointSession): Partial<LabCallMedia> {
  const { receivedPackets, sentPackets, lostPackets, badTag } = session.stats
  // A session of SRTP counts every plain or forged packet as a bad tag, so none means all were SRTP.
  return {
    receivedPackets,
    sentPackets,
    lostPackets,
    allSrtp: session.profile === 'RTP/SAVP' && badTag === 0,
  }
}
