import t from 'tap'
import { OutgoingAudio } from '#src/media/endpoint/outgoing-audio.ts'

const frame = (value: number): Int16Array => new Int16Array(160).fill(value)

void t.test('a sound ends with silence to the full frame, and tells its end', async (t) => {
  const audio = new OutgoingAudio(160)
  const whole = audio.play(new Int16Array(200).fill(7), false)
  t.same(audio.next(), frame(7))
  const last = audio.next()
  t.same(last.slice(0, 40), new Int16Array(40).fill(7))
  t.same(last.slice(40), new Int16Array(120))
  t.equal(await whole, true)
  t.same(audio.next(), frame(0))
  t.equal(await audio.play(new Int16Array(0), true), true, 'nothing to play is over at once')
})

void t.test('a repeated sound goes on without a gap, also when shorter than a frame', async (t) => {
  const audio = new OutgoingAudio(160)
  const cut = audio.play(Int16Array.of(1, 2, 3), true)
  const both = [...audio.next(), ...audio.next()]
  t.same(
    both,
    both.map((_, index) => (index % 3) + 1),
  )
  audio.stop()
  t.equal(await cut, false)
  t.same(audio.next(), frame(0))
})

void t.test('the echo waits for two frames, then gives back each one', async (t) => {
  const audio = new OutgoingAudio(160)
  audio.hear(frame(9))
  audio.echo(true)
  t.same(audio.next(), frame(0), 'what was heard before is not echoed')
  audio.hear(frame(1))
  t.same(audio.next(), frame(0), 'one frame is too few to start with')
  audio.hear(frame(2))
  t.same(audio.next(), frame(1))
  t.same(audio.next(), frame(2))
  t.same(audio.next(), frame(0), 'ran dry')
  audio.hear(frame(3))
  t.same(audio.next(), frame(0), 'and waits again')
})

void t.test('a burst does not become a lasting delay', async (t) => {
  const audio = new OutgoingAudio(160)
  audio.echo(true)
  for (let value = 1; value <= 25; value++) audio.hear(frame(value))
  t.same(audio.next(), frame(16), 'the oldest are forgotten')
  audio.hear(new Int16Array(8000).fill(5))
  t.same(audio.next(), frame(5), 'a packet larger than the buffer leaves its end')
})

void t.test('what plays goes before the echo', async (t) => {
  const audio = new OutgoingAudio(160)
  audio.echo(true)
  audio.hear(frame(1))
  audio.hear(frame(1))
  void audio.play(frame(8), false)
  t.same(audio.next(), frame(8))
  t.same(audio.next(), frame(1))
})
