import type { Pcm } from './media-endpoint.ts'

interface Playing {
  pcm: Pcm
  at: number
  repeat: boolean
  end: (whole: boolean) => void
}

/** Echo starts once so many frames wait, so that the sender's jitter does not tear it, … */
const echoPrefillFrames = 2
/** … and forgets the oldest beyond so many, so that a burst does not become a lasting delay. */
const echoMaxFrames = 10

/** What the next packet says: what is played, else the echo, else silence. */
export class OutgoingAudio {
  readonly #frameSamples: number
  readonly #silence: Pcm
  #playing: Playing | undefined
  #echo = false
  #echoRunning = false
  #heard: Int16Array
  #heardSamples = 0

  constructor(frameSamples: number) {
    this.#frameSamples = frameSamples
    this.#silence = new Int16Array(frameSamples)
    this.#heard = new Int16Array(echoMaxFrames * frameSamples)
  }

  /** Resolves true after the last sample was taken, false when it was cut short; replaces what plays. */
  play(pcm: Pcm, repeat: boolean): Promise<boolean> {
    this.stop()
    if (pcm.length === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      this.#playing = { pcm, at: 0, repeat, end: resolve }
    })
  }

  stop(): void {
    const playing = this.#playing
    this.#playing = undefined
    playing?.end(false)
  }

  echo(on: boolean): void {
    this.#echo = on
    this.#echoRunning = false
    this.#heardSamples = 0
  }

  /** Takes heard audio for the echo. */
  hear(pcm: Pcm): void {
    if (!this.#echo) return
    const room = this.#heard.length
    const kept = pcm.length > room ? pcm.subarray(pcm.length - room) : pcm
    const forget = Math.max(0, this.#heardSamples + kept.length - room)
    if (forget > 0) this.#drop(forget)
    this.#heard.set(kept, this.#heardSamples)
    this.#heardSamples += kept.length
  }

  /** The next frame; valid until the next call. */
  next(): Pcm {
    if (this.#playing) return this.#nextPlayed(this.#playing)
    if (this.#echo) return this.#nextEcho()
    return this.#silence
  }

  #nextPlayed(playing: Playing): Pcm {
    const frame = new Int16Array(this.#frameSamples)
    let filled = 0
    while (filled < frame.length) {
      const part = playing.pcm.subarray(playing.at, playing.at + frame.length - filled)
      frame.set(part, filled)
      filled += part.length
      playing.at += part.length
      if (playing.at < playing.pcm.length) continue
      playing.at = 0
      if (!playing.repeat) {
        this.#playing = undefined
        playing.end(true)
        break
      }
    }
    return frame
  }

  #nextEcho(): Pcm {
    const wanted = (this.#echoRunning ? 1 : echoPrefillFrames) * this.#frameSamples
    this.#echoRunning = this.#heardSamples >= wanted
    if (!this.#echoRunning) return this.#silence
    const frame = this.#heard.slice(0, this.#frameSamples)
    this.#drop(this.#frameSamples)
    return frame
  }

  #drop(samples: number): void {
    this.#heard.copyWithin(0, samples, this.#heardSamples)
    this.#heardSamples = Math.max(0, this.#heardSamples - samples)
  }
}
