import type { Clock } from '#src/base/clock.ts'

const firstWaitMs = 1_000
const maxWaitMs = 60_000

/**
 * Slows guesses down, over all lines together: pulling the plug does not buy new tries. A right password is told at
 * once, a wrong one after a wait that doubles up to a minute.
 */
export class PasswordGate {
  readonly #clock: Clock
  #wrong = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One try at a time; resolves with what `check` says. */
  try(check: () => Promise<boolean>): Promise<boolean> {
    const result = this.#turn.then(async () => {
      const right = await check()
      if (right) this.#wrong = 0
      else await this.#clock.sleep(Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(this.#wrong++, 6)))
      return right
    })
    this.#turn = result.catch(() => undefined)
    return result
  }
}
