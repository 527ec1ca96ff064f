import { readFileSync, writeFileSync } from 'node:fs'

/** Sixteen-bit mono samples and their rate. */
export interface Audio {
  rateHz: number
  samples: Int16Array
}

/** Writes a WAV file with a sine of `hz` at `levelDbfs` (0 = full scale), `seconds` long, 8 kHz mono. */
export function writeToneWav(path: string, hz: number, seconds: number, levelDbfs = -12): void {
  const rateHz = 8000
  const samples = new Int16Array(rateHz * seconds)
  const amplitude = 32767 * 10 ** (levelDbfs / 20)
  for (let index = 0; index < samples.length; index++) {
    samples[index] = Math.round(amplitude * Math.sin((2 * Math.PI * hz * index) / rateHz))
  }
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples.byteLength, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rateHz, 24)
  header.writeUInt32LE(rateHz * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples.byteLength, 40)
  writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer)]))
}

/** Reads a PCM16 WAV file, also one whose writer was killed and left its sizes at zero; first channel only. */
export function readWav(path: string): Audio {
  const bytes = readFileSync(path)
  if (bytes.toString('latin1', 0, 4) !== 'RIFF') throw new Error(`${path} is not a WAV file`)
  let rateHz = 8000
  let channels = 1
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = bytes.toString('latin1', at, at + 4)
    const size = bytes.readUInt32LE(at + 4)
    if (name === 'fmt ') {
      channels = bytes.readUInt16LE(at + 10)
      rateHz = bytes.readUInt32LE(at + 12)
    }
    if (name === 'data') {
      const end = size === 0 ? bytes.length : Math.min(bytes.length, at + 8 + size)
      const count = Math.floor((end - at - 8) / 2 / channels)
      const samples = new Int16Array(count)
      for (let index = 0; index < count; index++)
        samples[index] = bytes.readInt16LE(at + 8 + index * 2 * channels)
      return { rateHz, samples }
    }
    at += 8 + size + (size & 1)
  }
  return { rateHz, samples: new Int16Array(0) }
}

/** Level of one frequency in dB relative to a full-scale sine (Goertzel). */
export function toneLevelDbfs(samples: Int16Array, rateHz: number, hz: number): number {
  if (samples.length === 0) return -Infinity
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rateHz)
  let before = 0
  let last = 0
  for (const sample of samples) {
    const next = sample / 32768 + coefficient * last - before
    before = last
    last = next
  }
  const power = last * last + before * before - coefficient * last * before
  return 20 * Math.log10((2 * Math.sqrt(Math.max(power, 1e-20))) / samples.length)
}

export interface HeardTone {
  hz: number
  levelDbfs: number
  /** Total level minus the tone, relative to the tone, in dB; very negative = a clean tone. */
  restDb: number
  /** Share of 20 ms blocks in which the tone is present, 0..1, from its first to its last block. */
  continuity: number
  seconds: number
}

/** Finds the strongest of the candidate frequencies in a recording, and how clean and unbroken it is. */
export function heardTone(audio: Audio, candidatesHz: number[]): HeardTone | undefined {
  const { rateHz, samples } = audio
  const block = Math.round(rateHz * 0.02)
  let best: { hz: number; levelDbfs: number } | undefined
  const middle = samples.subarray(Math.floor(samples.length / 4), Math.floor((samples.length * 3) / 4))
  // Blocks of 100 ms, averaged: a lost packet shifts the phase, which a single long Goertzel would take for silence.
  const long = Math.round(rateHz * 0.1)
  for (const hz of candidatesHz) {
    let sum = 0
    let count = 0
    for (let at = 0; at + long <= middle.length; at += long) {
      sum += 10 ** (toneLevelDbfs(middle.subarray(at, at + long), rateHz, hz) / 10)
      count++
    }
    const levelDbfs = count === 0 ? -Infinity : 10 * Math.log10(sum / count)
    if (!best || levelDbfs > best.levelDbfs) best = { hz, levelDbfs }
  }
  if (!best || best.levelDbfs < -50) return undefined
  let first = -1
  let lastBlock = -1
  let present = 0
  for (let index = 0; (index + 1) * block <= samples.length; index++) {
    const level = toneLevelDbfs(samples.subarray(index * block, (index + 1) * block), rateHz, best.hz)
    if (level < best.levelDbfs - 10) continue
    if (first < 0) first = index
    lastBlock = index
    present++
  }
  let energy = 0
  for (const sample of middle) energy += (sample / 32768) ** 2
  const total = (2 * energy) / Math.max(1, middle.length)
  const tone = 10 ** (best.levelDbfs / 10)
  return {
    ...best,
    restDb: 10 * Math.log10(Math.max(total - tone, 1e-9) / tone),
    continuity: first < 0 ? 0 : present / (lastBlock - first + 1),
    seconds: present * 0.02,
  }
}
