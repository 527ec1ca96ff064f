import type { Random } from '#src/base/random.ts'
import type { SecretStore } from '#src/store/store.ts'

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

const secretName = (handsetId: string): string => `dect.accessCode.${handsetId}`

/** The access code of a handset, kept sealed; undefined when it has none. */
export function readAccessCode(secrets: Pick<SecretStore, 'get'>, handsetId: string): string | undefined {
  return secrets.get(secretName(handsetId))
}

/** Seals the access code of a handset. */
export function keepAccessCode(secrets: Pick<SecretStore, 'set'>, handsetId: string, code: string): void {
  secrets.set(secretName(handsetId), code)
}

/** Nothing is left of a handset that went. */
export function forgetAccessCode(secrets: Pick<SecretStore, 'remove'>, handsetId: string): void {
  secrets.remove(secretName(handsetId))
}
