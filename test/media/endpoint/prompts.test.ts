import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  prompt,
  promptNames,
  pcmDurationMs,
  spell,
  spellableCharacters,
} from '#src/media/endpoint/prompts.ts'
import { characterFile, phraseTexts } from '#src/media/endpoint/prompts/prompt-texts.ts'
import { totalLevel } from '#src/media/endpoint/tone-detector.ts'
import { readWav } from '#src/media/endpoint/wav.ts'

const folder = join(import.meta.dirname, '../../../src/media/endpoint/prompts')
const files = readdirSync(folder).filter((name) => name.endsWith('.wav'))
const expected = [...promptNames, ...spellableCharacters.map(characterFile)].map((name) => `${name}.wav`)

void t.test('each name has a file, and each file a name', async (t) => {
  t.same(files.toSorted(), expected.toSorted())
  t.ok(promptNames.length >= 13)
  t.equal(spellableCharacters.length, 36)
})

void t.test('each file is 8,000 samples per second, heard, and not clipped', async (t) => {
  for (const file of files) {
    const bytes = readFileSync(join(folder, file))
    t.equal(bytes.readUInt32LE(24), 8000, `${file}: rate`)
    const pcm = readWav(bytes)
    const level = totalLevel(pcm)
    t.ok(level > -24 && level < -8, `${file}: level ${level.toFixed(1)} dBm0`)
    t.ok(
      pcm.every((sample) => Math.abs(sample) < 30000),
      `${file}: not clipped`,
    )
    t.ok(pcmDurationMs(pcm) > 250, `${file}: long enough to be heard`)
  }
})

void t.test('all files together stay small', async (t) => {
  const total = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
  t.ok(total < 1_500_000, `${total} bytes`)
})

void t.test('longer texts take longer to say', async (t) => {
  t.ok(pcmDurationMs(prompt('sign-in-open')) > 2 * pcmDurationMs(prompt('signed-in')))
  t.match(phraseTexts['sign-in-first'], /star/)
})

void t.test('a code is spelled character by character with a longer pause at the hyphen', async (t) => {
  const plain = spell('B7K2')
  t.same(spell('b7k2'), plain)
  const parts = ['B', '7', 'K', '2'].reduce((sum, one) => sum + spell(one).length, 0)
  t.equal(plain.length, parts)
  t.ok(pcmDurationMs(spell('B7-K2')) > pcmDurationMs(plain) + 200)
  t.ok(pcmDurationMs(spell('')) > 0)
})
