import t from 'tap'
import { aLaw, muLaw } from '#src/media/endpoint/g711.ts'
import { findTone, levelAt, totalLevel } from '#src/media/endpoint/tone-detector.ts'
import {
  busyTone,
  concatPcm,
  confirmationTone,
  refusalTone,
  ringback,
  silence,
  steadyTone,
  tone,
} from '#src/media/endpoint/tone-generator.ts'
import { prompt } from '#src/media/endpoint/prompts.ts'

void t.test('a tone is found through either codec within 1 Hz and 0.5 dB', async (t) => {
  const cases = [
    [muLaw, 440, -10],
    [aLaw, 440, -10],
    [muLaw, 1004, -20],
    [aLaw, 1850.5, -3],
    [muLaw, 155, -30],
    [aLaw, 3400, -16],
  ] as const
  t.equal(cases.length, 6)
  for (const [codec, hz, levelDbm0] of cases) {
    const heard = findTone(codec.decode(codec.encode(tone({ hz, levelDbm0, durationMs: 1500 }))))
    t.ok(heard, `${hz} Hz found`)
    t.ok(Math.abs((heard?.hz ?? 0) - hz) < 1, `${hz} Hz heard as ${heard?.hz}`)
    t.ok(Math.abs((heard?.levelDbm0 ?? 0) - levelDbm0) < 0.5, `${levelDbm0} heard as ${heard?.levelDbm0}`)
  }
})

void t.test('a short tone is found too, only less sharply', async (t) => {
  const heard = findTone(tone({ hz: 600, levelDbm0: -12, durationMs: 100 }))
  t.ok(Math.abs((heard?.hz ?? 0) - 600) <= 10)
})

void t.test('silence, speech, noise and almost nothing are not a tone', async (t) => {
  t.equal(findTone(silence(1000)), undefined)
  t.equal(findTone(prompt('lab-greeting')), undefined)
  let seed = 1
  const noise = Int16Array.from({ length: 8000 }, () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return (seed >> 8) % 8000
  })
  t.equal(findTone(noise), undefined)
  t.equal(findTone(new Int16Array(10)), undefined)
})

void t.test('the last second counts: a tone after another is the one found', async (t) => {
  const first = tone({ hz: 500, levelDbm0: -10, durationMs: 2000 })
  const second = tone({ hz: 900, levelDbm0: -10, durationMs: 1100 })
  t.equal(Math.round(findTone(concatPcm([first, second]))?.hz ?? 0), 900)
})

void t.test('a steady tone repeats without a seam', async (t) => {
  const second = steadyTone(441, -10)
  t.equal(second.length, 8000)
  const heard = findTone(concatPcm([second.subarray(4000), second.subarray(0, 4000)]))
  t.equal(heard?.hz, 441)
})

void t.test('dual tones carry both frequencies at their level', async (t) => {
  const pcm = tone({ hz: [350, 440], levelDbm0: -13, durationMs: 1000 })
  t.ok(Math.abs(levelAt(pcm, 350) + 13) < 0.3)
  t.ok(Math.abs(levelAt(pcm, 440) + 13) < 0.3)
  t.ok(levelAt(pcm, 700) < -60)
})

void t.test('ringback rings for one second and pauses for four', async (t) => {
  const pcm = ringback()
  t.equal(pcm.length, 5 * 8000)
  t.ok(Math.abs(levelAt(pcm.subarray(0, 8000), 425) + 10) < 0.3)
  t.equal(totalLevel(pcm.subarray(8000)), Number.NEGATIVE_INFINITY)
})

void t.test('busy, confirmation and refusal tones are heard and do not clip', async (t) => {
  for (const pcm of [busyTone(), confirmationTone(), refusalTone()]) {
    t.ok(totalLevel(pcm) > -25)
    t.ok(pcm.every((sample) => Math.abs(sample) < 20000))
  }
})

void t.test('a tone above full scale is clipped, not wrapped', async (t) => {
  const pcm = tone({ hz: 1000, levelDbm0: 10, durationMs: 100 })
  t.equal(Math.max(...pcm), 32767)
  t.ok(Math.abs(levelAt(pcm, 1000) - 10) < 10)
})
