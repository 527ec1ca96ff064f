import { hash, verify } from '@node-rs/argon2'

/** Memory and time that one hash costs. */
export interface PasswordCost {
  memoryKiB: number
  iterations: number
}

// OWASP's argon2id floor: 19 MiB, two passes. More would let a handful of logins starve a small box.
const defaultCost: PasswordCost = { memoryKiB: 19_456, iterations: 2 }

/** Hashes and checks the admin's password (argon2id), one at a time so that guessing cannot take the memory. */
export class PasswordHasher {
  readonly #cost: PasswordCost
  #turn: Promise<unknown> = Promise.resolve()

  constructor(cost: PasswordCost | undefined) {
    this.#cost = cost ?? defaultCost
  }

  hash(password: string): Promise<string> {
    const options = { memoryCost: this.#cost.memoryKiB, timeCost: this.#cost.iterations, parallelism: 1 }
    return this.#inTurn(() => hash(normalise(password), options))
  }

  verify(stored: string, password: string): Promise<boolean> {
    return this.#inTurn(() => verify(stored, normalise(password)))
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

/** The same letters typed on two keyboards are the same password (RFC 8265 4.2.2 asks for normalisation). */
function normalise(password: string): string {
  return password.normalize('NFC')
}
