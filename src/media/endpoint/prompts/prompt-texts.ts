/** What each prompt says. The names are the file names; `make-prompts.ts` speaks the texts. */
export const phraseTexts = {
  'sign-in-open': 'To sign in, open the sign-in page on a computer or phone, and enter this code.',
  'sign-in-again': 'I repeat.',
  'signed-in': 'You are signed in.',
  'signed-out': 'You are signed out.',
  'nobody-signed-in': 'Nobody is signed in on this device.',
  'sign-in-failed': 'The sign-in did not succeed. Please try again.',
  'sign-in-not-allowed': 'Your organisation does not allow you to sign in on this device.',
  'tenant-unreachable': 'Your organisation cannot be reached at the moment. Please try again later.',
  'not-available': 'This feature is not available yet on this device.',
  enrolled: 'This device is enrolled.',
  'enrol-wrong-code': 'This code does not belong to this device. Please check it, and try again.',
  'enrol-expired': 'This code has expired. Please ask your administrator for a new one.',
  'enrol-used': 'This code was used already. Please ask your administrator for a new one.',
  'enrol-no-address': 'This device cannot be enrolled with a code.',
  'enrol-later': 'There were too many wrong codes. Please try again later.',
  'enrol-failed': 'The enrolment did not succeed. Please try again.',
  'sign-in-first': 'Please dial, star, five, zero, star, to sign in first.',
  'lab-greeting': 'Hello, this is the Branchline lab. Your call works.',
  'lab-callback': 'Hello, this is the Branchline lab. You will be called back.',
  goodbye: 'Goodbye.',
} as const satisfies Record<string, string>

/** Every character that can be spelled, and the word that names it. */
export const characterTexts: Readonly<Record<string, string>> = Object.fromEntries([
  ...[...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter) => [letter, `${letter}.`] as const),
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'].map(
    (word, digit) => [String(digit), `${word}.`] as const,
  ),
])

/** The file name, without its ending, of a spelled character. */
export function characterFile(character: string): string {
  return `character-${character.toLowerCase()}`
}
