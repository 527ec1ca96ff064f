import { sampleRate } from './g711.ts'
import type { Pcm } from './media-endpoint.ts'

/** Sine tones heard together. */
export interface ToneSpec {
  /** One frequency, or two for a dual tone; Hz, below 4,000. */
  hz: number | readonly [number, number]
  /** Level of each sine, dBm0; -10 is usual for tones, above 3.14 clips. */
  levelDbm0: number
  durationMs: number
}

/**
 * The peak of a 0 dBm0 sine in 16-bit samples: a full-scale sine is +3.14 dBm0 in A-law (G.711 note to table 1),
 * and 0.03 dB more in µ-law, which nobody hears.
 */
export const peakOf0Dbm0 = 32768 * 10 ** (-3.14 / 20)

// Edges are ramped, so that a tone does not click and its spectrum stays where it belongs.
const rampMs = 4

/** The number of samples in `durationMs`. */
export function samplesIn(durationMs: number): number {
  return Math.round((durationMs * sampleRate) / 1000)
}

/** Samples of zero. */
export function silence(durationMs: number): Pcm {
  return new Int16Array(samplesIn(durationMs))
}

/** Puts parts one after the other. */
export function concatPcm(parts: readonly Pcm[]): Pcm {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Makes a sine, or two at once, with ramped edges. */
export function tone({ hz, levelDbm0, durationMs }: ToneSpec): Pcm {
  const pcm = sineSamples(typeof hz === 'number' ? [hz] : hz, levelDbm0, samplesIn(durationMs))
  const ramp = Math.min(samplesIn(rampMs), pcm.length >> 1)
  for (let index = 0; index < ramp; index++) {
    const gain = (index + 0.5) / ramp
    const mirror = pcm.length - 1 - index
    pcm[index] = Math.round((pcm[index] as number) * gain)
    pcm[mirror] = Math.round((pcm[mirror] as number) * gain)
  }
  return pcm
}

/**
 * One second of a sine that repeats without a seam, for `play(…, { repeat: true })`.
 * The frequency is rounded to whole Hz, so that a second holds whole periods.
 */
export function steadyTone(hz: number, levelDbm0: number): Pcm {
  return sineSamples([Math.round(hz)], levelDbm0, sampleRate)
}

function sineSamples(frequencies: readonly number[], levelDbm0: number, length: number): Pcm {
  const peak = peakOf0Dbm0 * 10 ** (levelDbm0 / 20)
  const pcm = new Int16Array(length)
  for (let index = 0; index < length; index++) {
    let sum = 0
    for (const hz of frequencies) sum += Math.sin((2 * Math.PI * hz * index) / sampleRate)
    pcm[index] = Math.max(-32768, Math.min(32767, Math.round(peak * sum)))
  }
  return pcm
}

/** One period of ringback, 425 Hz, one second on, four off (ITU-T E.180, Germany); repeat it while it rings. */
export function ringback(): Pcm {
  return concatPcm([tone({ hz: 425, levelDbm0: -10, durationMs: 1000 }), silence(4000)])
}

/** One period of busy tone, 425 Hz, 480 ms on and off (ITU-T E.180, Germany); repeat it. */
export function busyTone(): Pcm {
  return concatPcm([tone({ hz: 425, levelDbm0: -10, durationMs: 480 }), silence(480)])
}

/** Two rising notes that say "done". */
export function confirmationTone(): Pcm {
  return concatPcm([
    tone({ hz: 660, levelDbm0: -14, durationMs: 150 }),
    silence(40),
    tone({ hz: 880, levelDbm0: -14, durationMs: 250 }),
    silence(100),
  ])
}

/** Three short low notes that say "no". */
export function refusalTone(): Pcm {
  const note = [tone({ hz: 330, levelDbm0: -14, durationMs: 160 }), silence(90)]
  return concatPcm([...note, ...note, ...note])
}
