import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { SecretStore } from '#src/store/store.ts'
import { checkView, type CheckId, type CheckView, type StepId } from '../schema/setup.ts'

const secretName = 'setup.progress'

/** What the wizard remembers; everything else is read from the box each time. */
const progress = Type.Object({
  skipped: Type.Array(Type.String()),
  checks: Type.Array(checkView),
  /** The app registration that somebody has signed in to, and when. */
  consent: Type.Optional(
    Type.Object({
      tenantId: Type.String(),
      clientId: Type.String(),
      upn: Type.String(),
      displayName: Type.String(),
      atMs: Type.Integer(),
    }),
  ),
})

export type Consent = NonNullable<Static<typeof progress>['consent']>

/** Reads and writes what the wizard remembers, in the store; a value that cannot be read counts as none. */
export class SetupProgress {
  readonly #secrets: SecretStore

  constructor(secrets: SecretStore) {
    this.#secrets = secrets
  }

  skipped(): ReadonlySet<string> {
    return new Set(this.#read().skipped)
  }

  skip(step: StepId): void {
    const now = this.#read()
    if (!now.skipped.includes(step)) this.#write({ ...now, skipped: [...now.skipped, step] })
  }

  /** Takes a skip back, because the step was done. */
  unskip(steps: readonly string[]): void {
    const now = this.#read()
    const skipped = now.skipped.filter((step) => !steps.includes(step))
    if (skipped.length < now.skipped.length) this.#write({ ...now, skipped })
  }

  checks(): CheckView[] {
    return this.#read().checks
  }

  check(id: CheckId): CheckView | undefined {
    return this.checks().find((one) => one.id === id)
  }

  noteCheck(result: CheckView): void {
    const now = this.#read()
    this.#write({ ...now, checks: [...now.checks.filter(({ id }) => id !== result.id), result] })
  }

  /** Forgets results that were found with other settings. */
  dropChecks(ids: readonly CheckId[]): void {
    const now = this.#read()
    const checks = now.checks.filter(({ id }) => !ids.includes(id))
    if (checks.length < now.checks.length) this.#write({ ...now, checks })
  }

  /** The consent for this app registration; one given for another does not count. */
  consent(of: { tenantId?: string | undefined; clientId?: string | undefined }): Consent | undefined {
    const { consent } = this.#read()
    return consent?.tenantId === of.tenantId && consent?.clientId === of.clientId ? consent : undefined
  }

  noteConsent(consent: Consent): void {
    this.#write({ ...this.#read(), consent })
  }

  #read(): Static<typeof progress> {
    try {
      const kept: unknown = JSON.parse(this.#secrets.get(secretName) ?? '{}')
      if (Value.Check(progress, kept)) return kept
    } catch (error) {
      // Damaged: the wizard asks again for what can be asked again.
      if (!(error instanceof Error)) throw error
    }
    return { skipped: [], checks: [] }
  }

  #write(next: Static<typeof progress>): void {
    this.#secrets.set(secretName, JSON.stringify(next))
  }
}
