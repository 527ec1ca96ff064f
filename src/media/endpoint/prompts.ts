import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleRate } from './g711.ts'
import type { Pcm } from './media-endpoint.ts'
import { characterFile, characterTexts, phraseTexts } from './prompts/prompt-texts.ts'
import { concatPcm, silence } from './tone-generator.ts'
import { readWav } from './wav.ts'

/** A phrase that the box can say. */
export type PromptName = keyof typeof phraseTexts

/** Every phrase, for tests and pages. */
export const promptNames = Object.keys(phraseTexts) as PromptName[]

/** Every character that `spell` says. */
export const spellableCharacters = Object.keys(characterTexts)

const folder = join(import.meta.dirname, 'prompts')
const pauseBetweenCharactersMs = 220
const pauseBetweenGroupsMs = 500

// All files together are half a megabyte: each is read once, when it is first said, and kept.
const loaded = new Map<string, Pcm>()

function load(file: string): Pcm {
  let pcm = loaded.get(file)
  if (!pcm) loaded.set(file, (pcm = readWav(readFileSync(join(folder, `${file}.wav`)))))
  return pcm
}

/** The samples of a phrase; shared between callers, so play them but never write into them. */
export function prompt(name: PromptName): Pcm {
  return load(name)
}

/**
 * Says letters and digits one by one, with a short pause between them and a longer one where the text has
 * anything else (`ABCD-1234`). A text without a letter or digit is a short silence.
 */
export function spell(text: string): Pcm {
  const parts: Pcm[] = []
  for (const character of text.toUpperCase()) {
    if (character in characterTexts) {
      parts.push(load(characterFile(character)), silence(pauseBetweenCharactersMs))
    } else parts.push(silence(pauseBetweenGroupsMs - pauseBetweenCharactersMs))
  }
  return concatPcm(parts.length > 0 ? parts : [silence(pauseBetweenCharactersMs)])
}

/** How long samples play, ms. */
export function pcmDurationMs(pcm: Pcm): number {
  return (pcm.length * 1000) / sampleRate
}
