import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import { muLaw } from '#src/media/endpoint/g711.ts'
import { tone } from '#src/media/endpoint/tone-generator.ts'
import { maxWavBytes, readWav, writeWav } from '#src/media/endpoint/wav.ts'

const pcm = tone({ hz: 700, levelDbm0: -10, durationMs: 50 })

function refusal(bytes: Uint8Array): string {
  try {
    readWav(bytes)
  } catch (error) {
    if (error instanceof ApplianceError && error.code === 'INVALID') return error.message
    throw error
  }
  return 'accepted'
}

function patched(change: (file: Buffer) => void): Buffer {
  const file = writeWav(pcm)
  change(file)
  return file
}

void t.test('what is written is read back, sample by sample', async (t) => {
  t.same(readWav(writeWav(pcm)), pcm)
})

void t.test('an unknown chunk of odd length before the samples is skipped', async (t) => {
  const file = writeWav(pcm)
  const odd = Buffer.from([...Buffer.from('LIST'), 3, 0, 0, 0, 1, 2, 3, 0])
  t.same(readWav(Buffer.concat([file.subarray(0, 36), odd, file.subarray(36)])), pcm)
})

void t.test('µ-law files are read', async (t) => {
  const codes = muLaw.encode(pcm)
  const header = patched((file) => {
    file.writeUInt16LE(7, 20)
    file.writeUInt16LE(8, 34)
    file.writeUInt32LE(codes.length, 40)
  }).subarray(0, 44)
  t.same(readWav(Buffer.concat([header, codes])), muLaw.decode(codes))
})

void t.test('files that cannot be used are refused with the reason', async (t) => {
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.alloc(0), /does not begin as RIFF/],
    [Buffer.from('not a wave file at all'), /does not begin as RIFF/],
    [patched((file) => file.writeUInt16LE(2, 22)), /2 channels/],
    [patched((file) => file.writeUInt32LE(44100, 24)), /44100 samples/],
    [patched((file) => file.writeUInt16LE(3, 20)), /coding 3/],
    [patched((file) => file.writeUInt32LE(1 << 30, 40)), /"data" is cut off/],
    [writeWav(pcm).subarray(0, 36), /no samples/],
    [Buffer.concat([writeWav(pcm).subarray(0, 12), writeWav(pcm).subarray(36)]), /before its format/],
    [Buffer.alloc(maxWavBytes + 1), /longer than/],
  ]
  t.equal(cases.length, 9)
  for (const [bytes, reason] of cases) t.match(refusal(bytes), reason)
})
