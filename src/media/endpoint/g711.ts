import type { Pcm } from './media-endpoint.ts'

/** The two laws of ITU-T G.711, by their names in SDP (RFC 3551: static payload types 0 and 8). */
export type G711Law = 'PCMU' | 'PCMA'

/** One law as tables: 8-bit code to 16-bit sample, and the way back. */
export interface G711Codec {
  readonly name: G711Law
  readonly payloadType: 0 | 8
  /** The code of a zero sample. */
  readonly silence: number
  encode(pcm: Pcm): Uint8Array
  /** Writes into `target` from `offset`, without an allocation, one byte per sample. */
  encodeInto(pcm: Pcm, target: Uint8Array, offset: number): void
  decode(codes: Uint8Array): Pcm
}

/** Samples per second of both laws (RFC 3551 table 4). */
export const sampleRate = 8000

// G.711 table 2b: the 14-bit magnitude plus 33 lies in segment n when its leading one is bit n + 5.
const muBias = 33
const muClip = 8158

function muLawCode(sample14: number): number {
  const sign = sample14 < 0 ? 0x80 : 0
  const biased = Math.min(Math.abs(sample14), muClip) + muBias
  const segment = 31 - Math.clz32(biased) - 5
  // Sent inverted, so that silence has many ones (G.711 3.2).
  return ~(sign | (segment << 4) | ((biased >> (segment + 1)) & 0x0f)) & 0xff
}

function muLawSample(code: number): number {
  const bits = ~code & 0xff
  const segment = (bits >> 4) & 7
  const magnitude = (((2 * (bits & 0x0f) + muBias) << segment) - muBias) * 4
  return bits & 0x80 ? -magnitude : magnitude
}

// G.711 table 1b: 13-bit samples; segments 0 and 1 share the smallest step, even bits are sent inverted.
function aLawCode(sample13: number): number {
  const positive = sample13 >= 0
  const magnitude = positive ? sample13 : -sample13 - 1
  const segment = magnitude < 32 ? 0 : 31 - Math.clz32(magnitude) - 4
  const step = segment === 0 ? 1 : segment
  return ((positive ? 0x80 : 0) | (segment << 4) | ((magnitude >> step) & 0x0f)) ^ 0x55
}

function aLawSample(code: number): number {
  const bits = code ^ 0x55
  const segment = (bits >> 4) & 7
  const middle = 2 * (bits & 0x0f) + 1
  const magnitude = (segment === 0 ? middle : (middle + 32) << (segment - 1)) * 8
  return bits & 0x80 ? magnitude : -magnitude
}

interface Law {
  name: G711Law
  payloadType: 0 | 8
  /** Bits dropped from a 16-bit sample before coding. */
  shift: number
  code: (sample: number) => number
  sample: (code: number) => number
}

function buildCodec({ name, payloadType, shift, code, sample }: Law): G711Codec {
  const decodeTable = Int16Array.from({ length: 256 }, (_, index) => sample(index))
  const half = 0x8000 >> shift
  const encodeTable = Uint8Array.from({ length: 2 * half }, (_, index) => code(index - half))

  const encodeInto = (pcm: Pcm, target: Uint8Array, offset: number): void => {
    for (let index = 0; index < pcm.length; index++) {
      target[offset + index] = encodeTable[((pcm[index] as number) >> shift) + half] as number
    }
  }
  return {
    name,
    payloadType,
    silence: code(0),
    encodeInto,
    encode(pcm) {
      const codes = new Uint8Array(pcm.length)
      encodeInto(pcm, codes, 0)
      return codes
    },
    decode(codes) {
      const pcm = new Int16Array(codes.length)
      for (let index = 0; index < codes.length; index++) {
        pcm[index] = decodeTable[codes[index] as number] as number
      }
      return pcm
    },
  }
}

/** µ-law, payload type 0. */
export const muLaw = buildCodec({
  name: 'PCMU',
  payloadType: 0,
  shift: 2,
  code: muLawCode,
  sample: muLawSample,
})

/** A-law, payload type 8. */
export const aLaw = buildCodec({ name: 'PCMA', payloadType: 8, shift: 3, code: aLawCode, sample: aLawSample })

/** Finds the codec of an encoding name, in any case; undefined when it is not G.711. */
export function g711Codec(encodingName: string): G711Codec | undefined {
  const name = encodingName.toUpperCase()
  return name === 'PCMU' ? muLaw : name === 'PCMA' ? aLaw : undefined
}
