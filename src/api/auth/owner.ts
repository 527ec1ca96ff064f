import { createHash, timingSafeEqual } from 'node:crypto'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { SecretStore } from '#src/store/store.ts'
import type { PasswordHasher } from './password.ts'

/** Name of the secret that holds the hash of the admin's password. */
export const adminHashName = 'page.adminPasswordHash'
// Far below what guesses eight digits, and far above what somebody on the network needs to keep changing the
// code under the hands of the person who types it.
const wrongTriesPerCode = 100

/**
 * Who owns the box. Without an owner there is a claim code, printed at the console; whoever types it on the
 * page sets the admin's password. A hundred wrong tries make a new code.
 */
export class Owner {
  readonly #random: Random
  readonly #hasher: PasswordHasher
  readonly #logger: Logger
  #secrets: SecretStore | undefined
  #code: string | undefined
  #wrongTries = 0
  #listener: ((code: string | undefined) => void) | undefined
  #claiming = false

  constructor(needs: { random: Random; hasher: PasswordHasher; logger: Logger }) {
    this.#random = needs.random
    this.#hasher = needs.hasher
    this.#logger = needs.logger
  }

  /** The store came or went: only with it is known whether the box has an owner. */
  attach(secrets: SecretStore | undefined): void {
    if (secrets === this.#secrets) return
    this.#secrets = secrets
    const code =
      secrets && secrets.get(adminHashName) === undefined ? (this.#code ?? this.#newCode()) : undefined
    this.#setCode(code)
  }

  /** Undefined while the store is away. */
  get claimed(): boolean | undefined {
    return this.#secrets ? this.#code === undefined : undefined
  }

  get code(): string | undefined {
    return this.#code
  }

  setListener(listener: (code: string | undefined) => void): void {
    this.#listener = listener
    listener(this.#code)
  }

  /** Makes `password` the admin's when `code` is right, else throws CLAIM_CODE_WRONG or ALREADY_CLAIMED. */
  async claim(code: string, password: string): Promise<void> {
    const secrets = this.#need()
    if (this.#code === undefined || this.#claiming) throw new ApplianceError('ALREADY_CLAIMED')
    if (!sameCode(code, this.#code)) {
      this.#countWrongTry()
      throw new ApplianceError(
        'CLAIM_CODE_WRONG',
        {},
        { advice: 'Type the code that the console shows now.' },
      )
    }
    this.#claiming = true
    try {
      secrets.set(adminHashName, await this.#hasher.hash(password))
      this.#setCode(undefined)
    } finally {
      this.#claiming = false
    }
  }

  /** Throws NOT_CLAIMED or PASSWORD_WRONG. */
  async checkPassword(password: string): Promise<void> {
    const stored = this.#need().get(adminHashName)
    if (stored === undefined) throw new ApplianceError('NOT_CLAIMED')
    if (!(await this.#hasher.verify(stored, password))) throw new ApplianceError('PASSWORD_WRONG')
  }

  /** Sets a new password; the caller has checked the old one. */
  async changePassword(password: string): Promise<void> {
    const secrets = this.#need()
    secrets.set(adminHashName, await this.#hasher.hash(password))
  }

  /** The box has no owner any more; a new claim code comes up. */
  forget(): void {
    this.#need().remove(adminHashName)
    this.#setCode(this.#newCode())
  }

  #need(): SecretStore {
    if (this.#secrets) return this.#secrets
    throw new ApplianceError('PART_NOT_RUNNING', { part: 'store' }, { text: 'The database is not running.' })
  }

  #countWrongTry(): void {
    this.#wrongTries++
    if (this.#wrongTries < wrongTriesPerCode) return
    this.#logger.warn({ wrongTries: this.#wrongTries }, 'too many wrong claim codes: a new code was made')
    this.#setCode(this.#newCode())
  }

  #newCode(): string {
    this.#wrongTries = 0
    return `${this.#random.digits(4)}-${this.#random.digits(4)}`
  }

  #setCode(code: string | undefined): void {
    this.#code = code
    this.#listener?.(code)
  }
}

/** Compares digits only (people type spaces, dashes or neither), in time that does not depend on them. */
function sameCode(typed: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text.replace(/\D/g, '')).digest()
  return timingSafeEqual(digest(typed), digest(right))
}
