import t from 'tap'
import { duration, toAscii, wrap } from '#src/console/text.ts'

t.test('only what any terminal shows gets out', async (t) => {
  t.equal(toAscii('Größe “Büro” – naïve… café'), 'Grosse "Buro" - naive... cafe')
  t.equal(toAscii('\x1b[2Jevil\r\n\x07\u009b31m'), '?[2Jevil????31m')
  t.equal(toAscii('日本'), '??')
  t.equal(toAscii('\u0000\u007f'), '??')
})

t.test('lines of 79 columns at most, the later ones indented', async (t) => {
  t.strictSame(wrap('short'), ['short'])
  t.strictSame(wrap(''), [''])
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ')
  const lines = wrap(`  name  ${words}`, 8)
  t.match(lines[0], /^ {2}name {2}word0 word1/)
  t.ok(lines.length > 3 && lines.slice(1).every((line) => /^ {8}\S/.test(line)))
  t.equal(lines.map((line) => line.trim()).join(' '), `name  ${words}`)
  for (const text of [
    'x'.repeat(500),
    `a ${'y'.repeat(200)} b`,
    `${'z '.repeat(300)}`,
    `  ${'w'.repeat(400)}`,
  ])
    for (const indent of [0, 4, 19]) {
      const wrapped = wrap(text, indent)
      t.ok(
        wrapped.every((line) => line.length <= 79),
        `${text.slice(0, 5)} ${indent}`,
      )
      t.equal(wrapped.join('').replaceAll(' ', ''), text.replaceAll(' ', ''), 'nothing is lost')
    }
})

t.test('times as people say them', async (t) => {
  const times = [0, 59.9, 60, 3_599, 3_600, 90_061, 86_400].map(duration)
  t.strictSame(times, ['0 s', '59 s', '1 min', '59 min', '1 h 0 min', '1 day 1 h', '1 day 0 h'])
})
