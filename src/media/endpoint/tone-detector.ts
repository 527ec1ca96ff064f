import { sampleRate } from './g711.ts'
import type { Pcm } from './media-endpoint.ts'
import { peakOf0Dbm0 } from './tone-generator.ts'

/** A sine found in audio. */
export interface HeardTone {
  hz: number
  levelDbm0: number
}

/** One search: at most so many samples, looked at in steps of `stepHz`; each next stage looks closer around the best. */
interface Stage {
  samples: number
  stepHz: number
}

// A Hann window of n samples sees two bins to each side, so a step of half a bin cannot miss a tone.
const stages: readonly [Stage, ...Stage[]] = [
  { samples: 512, stepHz: 10 },
  { samples: 2048, stepHz: 2 },
  { samples: 8000, stepHz: 0.25 },
]
const lowestHz = 100
const highestHz = 3800
// Below this share of the whole power the strongest line is a part of speech or noise, not a tone.
const purityShare = 0.6
const quietestDbm0 = -60

/** Measures the level of one frequency, dBm0, by the Goertzel algorithm over a Hann window of all samples. */
export function levelAt(pcm: Pcm, hz: number): number {
  return toDbm0(amplitudeAt(pcm, hz))
}

/** Measures the level of everything together, dBm0: a sine has the same value here and in `levelAt`. */
export function totalLevel(pcm: Pcm): number {
  return toDbm0(Math.sqrt(2 * meanSquare(pcm)))
}

/**
 * Finds the one sine that the last second of `pcm` consists of; undefined when it is silence, speech,
 * noise, or shorter than the first stage.
 */
export function findTone(pcm: Pcm): HeardTone | undefined {
  if (pcm.length < stages[0].samples) return undefined
  let best: { hz: number; amplitude: number } | undefined
  let spreadHz = 0
  let window = pcm
  for (const { samples, stepHz } of stages) {
    window = pcm.subarray(Math.max(0, pcm.length - samples))
    const fromHz: number = best ? best.hz - spreadHz : lowestHz
    const toHz: number = best ? best.hz + spreadHz : highestHz
    best = strongest(window, fromHz, toHz, stepHz)
    spreadHz = stepHz * 1.5
  }
  if (!best) return undefined
  const levelDbm0 = toDbm0(best.amplitude)
  if (levelDbm0 < quietestDbm0 || best.amplitude ** 2 / 2 < purityShare * meanSquare(window)) return undefined
  return { hz: best.hz, levelDbm0 }
}

function strongest(
  pcm: Pcm,
  fromHz: number,
  toHz: number,
  stepHz: number,
): { hz: number; amplitude: number } {
  let best = { hz: fromHz, amplitude: -1 }
  for (let hz = fromHz; hz <= toHz; hz += stepHz) {
    const amplitude = amplitudeAt(pcm, hz)
    if (amplitude > best.amplitude) best = { hz, amplitude }
  }
  return best
}

// Peak amplitude of the sine at `hz`: Goertzel's recurrence over windowed samples.
function amplitudeAt(pcm: Pcm, hz: number): number {
  const window = hannWindow(pcm.length)
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / sampleRate)
  let s1 = 0
  let s2 = 0
  for (let index = 0; index < pcm.length; index++) {
    const s0 = (pcm[index] as number) * (window[index] as number) + coefficient * s1 - s2
    s2 = s1
    s1 = s0
  }
  const power = s1 * s1 + s2 * s2 - coefficient * s1 * s2
  // A Hann window of n samples sums to n / 2, and half of a real sine's energy lies at the negative frequency.
  return (4 * Math.sqrt(Math.max(0, power))) / pcm.length
}

// Kept per length: the three stages always ask for the same, other lengths replace each other.
const stageWindows = new Map<number, Float64Array>()
let otherWindow = new Float64Array(0)

function hannWindow(length: number): Float64Array {
  const known = stageWindows.get(length)
  if (known) return known
  if (otherWindow.length === length) return otherWindow
  const window = Float64Array.from(
    { length },
    (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / length),
  )
  if (stages.some((stage) => stage.samples === length)) stageWindows.set(length, window)
  else otherWindow = window
  return window
}

function meanSquare(pcm: Pcm): number {
  let sum = 0
  for (const sample of pcm) sum += sample * sample
  return pcm.length === 0 ? 0 : sum / pcm.length
}

function toDbm0(peakAmplitude: number): number {
  return peakAmplitude <= 0 ? Number.NEGATIVE_INFINITY : 20 * Math.log10(peakAmplitude / peakOf0Dbm0)
}
