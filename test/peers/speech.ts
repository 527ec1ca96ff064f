import type { Audio } from './audio.ts'

/** Length of the piece of a phrase that is looked for: 200 ms at 8 kHz. */
const pieceLength = 1600
/** G.711 leaves far more than this of the likeness; other words have far less. */
const alike = 0.8

/**
 * Finds a phrase of the box in what a phone recorded: its loudest piece is laid over every place from `from` on.
 * Returns the sample behind the piece, or undefined when the phrase was not heard.
 */
export function findSpeech(
  heard: Audio,
  phrase: Int16Array,
  from = 0,
  to = heard.samples.length,
): number | undefined {
  const piece = loudestPiece(phrase)
  const pieceEnergy = energy(piece)
  const { samples } = heard
  const end = Math.min(to, samples.length) - piece.length
  let windowEnergy = energy(samples.subarray(from, from + piece.length))
  let best = 0
  let bestAt = -1
  for (let at = from; at < end; at++) {
    // Cheap first: where it is quiet there is nothing to compare.
    if (windowEnergy > pieceEnergy / 16) {
      let product = 0
      for (let index = 0; index < piece.length; index++)
        product += (piece[index] as number) * (samples[at + index] as number)
      const likeness = product / Math.sqrt(pieceEnergy * windowEnergy)
      if (likeness > best) {
        best = likeness
        bestAt = at
      }
    }
    windowEnergy += (samples[at + piece.length] as number) ** 2 - (samples[at] as number) ** 2
  }
  return best >= alike ? bestAt + piece.length : undefined
}

function loudestPiece(phrase: Int16Array): Int16Array {
  if (phrase.length <= pieceLength) return phrase
  let best = phrase.subarray(0, pieceLength)
  for (let at = 0; at + pieceLength <= phrase.length; at += 80) {
    const piece = phrase.subarray(at, at + pieceLength)
    if (energy(piece) > energy(best)) best = piece
  }
  return best
}

function energy(samples: Int16Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return sum
}
