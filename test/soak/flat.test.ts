import t from 'tap'
import { judge, type Sample } from './flat.ts'

/** Six samples a minute; `noise` swings around the line, the same in every run. */
function samples(options: { minutes: number; mb: (minute: number) => number; noise: number }): Sample[] {
  return Array.from({ length: options.minutes * 6 }, (_, index) => {
    const minute = index / 6
    return { minute, mb: options.mb(minute) + options.noise * Math.sin(index * 2.4) }
  })
}

t.test('a sawtooth is flat, also in a few minutes', async (t) => {
  for (const minutes of [4, 30]) {
    const verdict = judge(samples({ minutes, mb: () => 350, noise: 15 }))
    t.match(verdict, { flat: true })
    t.ok(Math.abs(verdict.last - verdict.first) < 15, `${verdict.first} -> ${verdict.last}`)
  }
})

t.test('what fills up at first and then stays is flat', async (t) => {
  t.match(judge(samples({ minutes: 30, mb: (minute) => 350 - 50 * Math.exp(-minute), noise: 5 })), {
    flat: true,
  })
})

t.test('500 bytes per call at 50 calls a second are found in half an hour', async (t) => {
  const verdict = judge(samples({ minutes: 30, mb: (minute) => 350 + 1.5 * minute, noise: 5 }))
  t.match(verdict, { flat: false })
  t.ok(Math.abs(verdict.slope - 1.5) < 0.2, `${verdict.slope}`)
})

t.test('a few minutes show the slope and judge the rise only', async (t) => {
  const climbing = { mb: (minute: number) => 350 + 5 * minute, noise: 1 }
  const short = judge(samples({ minutes: 4, ...climbing }))
  t.match(short, { flat: true })
  t.ok(Math.abs(short.slope - 5) < 0.5, `${short.slope}`)
  t.match(judge(samples({ minutes: 10, ...climbing })), { flat: false })
})

t.test('a rise of more than a quarter is none to be content with, even if it has ended', async (t) => {
  t.match(judge(samples({ minutes: 30, mb: (minute) => (minute < 10 ? 300 : 400), noise: 5 })), {
    flat: false,
  })
})

t.test('a fall is flat, and so is a run that was too short to be judged', async (t) => {
  t.match(judge(samples({ minutes: 10, mb: (minute) => 400 - minute, noise: 1 })), { flat: true })
  t.match(judge([{ minute: 0, mb: 300 }]), { flat: true, first: 300, last: 300, slope: 0 })
  t.match(judge([]), { flat: true })
})
