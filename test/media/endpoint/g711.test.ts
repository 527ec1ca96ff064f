import t from 'tap'
import { aLaw, g711Codec, muLaw, type G711Codec } from '#src/media/endpoint/g711.ts'

const allCodes = Uint8Array.from({ length: 256 }, (_, code) => code)

// Decoder outputs of G.711 tables 1 and 2, scaled to 16 bits.
const knownSamples: { codec: G711Codec; code: number; sample: number }[] = [
  { codec: muLaw, code: 0x80, sample: 32124 },
  { codec: muLaw, code: 0x00, sample: -32124 },
  { codec: muLaw, code: 0xff, sample: 0 },
  { codec: muLaw, code: 0xfe, sample: 8 },
  { codec: muLaw, code: 0xf0, sample: 120 },
  { codec: muLaw, code: 0xef, sample: 132 },
  { codec: muLaw, code: 0x8f, sample: 16764 },
  { codec: aLaw, code: 0xaa, sample: 32256 },
  { codec: aLaw, code: 0x2a, sample: -32256 },
  { codec: aLaw, code: 0xd5, sample: 8 },
  { codec: aLaw, code: 0x55, sample: -8 },
  { codec: aLaw, code: 0xda, sample: 248 },
  { codec: aLaw, code: 0xc5, sample: 264 },
]

void t.test('codes decode to the samples of the standard', async (t) => {
  t.equal(knownSamples.length, 13)
  for (const { codec, code, sample } of knownSamples) {
    const got = codec.decode(Uint8Array.of(code))[0]
    t.equal(got, sample, `${codec.name} 0x${code.toString(16)}`)
  }
})

void t.test('each code survives a decode and an encode, except µ-law minus zero', async (t) => {
  t.same(aLaw.encode(aLaw.decode(allCodes)), allCodes)
  const back = muLaw.encode(muLaw.decode(allCodes))
  t.equal(back[0x7f], 0xff, 'minus zero becomes zero')
  back[0x7f] = 0x7f
  t.same(back, allCodes)
})

void t.test('every sample is coded within half a step of itself', async (t) => {
  const samples = Int16Array.from({ length: 65536 }, (_, index) => index - 32768)
  for (const codec of [muLaw, aLaw]) {
    const decoded = codec.decode(codec.encode(samples))
    let worst = 0
    for (let index = 0; index < samples.length; index++) {
      const sample = samples[index] as number
      if (Math.abs(sample) > 32000) continue
      const error = Math.abs((decoded[index] as number) - sample)
      // The step is 1/16 of a segment, a segment at most the sample's own size; the smallest step is 16.
      worst = Math.max(worst, error / Math.max(16, Math.abs(sample) / 16))
    }
    t.ok(worst <= 1, `${codec.name}: worst error ${worst} of a step`)
    t.ok(worst > 0.3, `${codec.name} loses something, or nothing was coded`)
  }
})

void t.test('silence is the code of zero', async (t) => {
  t.equal(muLaw.silence, 0xff)
  t.equal(aLaw.silence, 0xd5)
})

void t.test('codecs are found by their SDP names in any case', async (t) => {
  t.equal(g711Codec('pcmu'), muLaw)
  t.equal(g711Codec('PCMA'), aLaw)
  t.equal(g711Codec('G722'), undefined)
})
