/** Why a packet was not protected or not let in. Negative, so that it shares a number with the new length. */
export const srtpFailure = {
  malformed: -1,
  badTag: -2,
  replayed: -3,
  noRoom: -4,
  tooManyStreams: -5,
  keyExhausted: -6,
} as const

export type SrtpFailure = (typeof srtpFailure)[keyof typeof srtpFailure]

const texts: Record<SrtpFailure, string> = {
  [-1]: 'not a well-formed packet',
  [-2]: 'the authentication tag does not verify',
  [-3]: 'seen before, or older than the replay window',
  [-4]: 'no room for the tag behind the packet',
  [-5]: 'more streams than a context keeps',
  [-6]: 'the key has served as many packets as it may',
}

/** Says a failure in words, for logs and tests. */
export function srtpFailureText(failure: SrtpFailure): string {
  return texts[failure]
}
