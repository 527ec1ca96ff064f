/**
 * Speaks every prompt into a file beside this script: `node src/media/endpoint/prompts/make-prompts.ts`.
 * Needs Debian's espeak-ng and sox. The files are committed, so that neither the box nor its tests need them.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { characterFile, characterTexts, phraseTexts } from './prompt-texts.ts'

const voice = 'en-gb'
const phraseWordsPerMinute = 150
// Single letters are said slower: B, D, E, G, P and T differ only in their first 50 ms.
const characterWordsPerMinute = 120

function speak(text: string, wordsPerMinute: number, file: string, scratch: string): void {
  const spoken = join(scratch, 'spoken.wav')
  execFileSync('espeak-ng', ['-v', voice, '-s', String(wordsPerMinute), '-g', '4', '-w', spoken, text])
  // Telephone band, silence cut from both ends, peak at -6 dBFS: speech then lies near -26 dBov (ITU-T P.56).
  const trim = ['silence', '1', '0.01', '0.3%']
  execFileSync('sox', [
    ...[spoken, '-D', '-r', '8000', '-c', '1', '-e', 'mu-law', join(import.meta.dirname, `${file}.wav`)],
    ...['sinc', '200-3600', ...trim, 'reverse', ...trim, 'reverse', 'norm', '-6', 'pad', '0.02', '0.08'],
  ])
}

const scratch = mkdtempSync(join(tmpdir(), 'prompts-'))
try {
  for (const [name, text] of Object.entries(phraseTexts)) speak(text, phraseWordsPerMinute, name, scratch)
  for (const [character, text] of Object.entries(characterTexts)) {
    speak(text, characterWordsPerMinute, characterFile(character), scratch)
  }
} finally {
  rmSync(scratch, { recursive: true })
}
