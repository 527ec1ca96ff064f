import type { Random } from '#src/base/random.ts'

/** DECT allows eight digits; six are typed in a moment and are guessed in no subscription window. */
const length = 6

/** Makes the code that one handset shows when it subscribes: random, and never one that people or factories set. */
export function makeAccessCode(random: Pick<Random, 'digits'>): string {
  for (;;) {
    const code = random.digits(length)
    if (!isWeakAccessCode(code)) return code
  }
}

/** True for codes that somebody tries first: one digit repeated, or a run up or down (0000, 1234, 654321). */
export function isWeakAccessCode(code: string): boolean {
  const steps = new Set(
    [...code].slice(1).map((digit, index) => (Number(digit) - Number(code[index]) + 10) % 10),
  )
  const [step] = steps
  return steps.size <= 1 && (step === undefined || step === 0 || step === 1 || step === 9)
}
