import type { Clock } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { createTenantClient } from '#src/microsoft/tenant-client.ts'
import type { ConsentView } from '../schema/setup.ts'
import type { ProbeTargets } from './options.ts'
import type { Consent } from './progress.ts'

/** An app registration to be checked. */
export interface AppRegistration {
  tenantId: string
  clientId: string
}

type Waiting = Extract<ConsentView, { state: 'awaitingUser' }>

/**
 * Checks an app registration the only way that proves it: somebody signs in to it by device code, and licence and
 * number are read as for any person. The tokens are thrown away.
 */
export class ConsentCheck {
  readonly #clock: Clock
  readonly #logger: Logger
  #state: ConsentView = { state: 'none' }
  #abort: AbortController | undefined

  constructor(options: { clock: Clock; logger: Logger }) {
    this.#clock = options.clock
    this.#logger = options.logger
  }

  get state(): ConsentView {
    return this.#state
  }

  /** Starts anew and resolves with the code; rejects with why the tenant gave none. */
  async begin(
    app: AppRegistration,
    identity: ProbeTargets['identity'],
    onConfirmed: (consent: Consent) => void,
  ): Promise<Waiting> {
    this.cancel()
    const abort = new AbortController()
    this.#abort = abort
    const client = createTenantClient({ endpoints: endpointsOf(app, identity), clock: this.#clock })
    return new Promise((resolve, reject) => {
      client
        .signIn((code) => {
          const waiting: Waiting = { state: 'awaitingUser', ...code }
          this.#state = waiting
          resolve(waiting)
        }, abort.signal)
        .then(
          ({ person }) => {
            const atMs = this.#clock.nowMs()
            const { upn, displayName } = person
            onConfirmed({ ...app, upn, displayName, atMs })
            this.#state = { state: 'confirmed', upn, displayName, atMs }
          },
          (error: unknown) => {
            reject(error instanceof Error ? error : new Error(errorText(error)))
            if (abort.signal.aborted) return
            this.#logger.warn({ err: error }, 'the app registration was not confirmed')
            const advice = error instanceof ApplianceError ? (error.advice ?? null) : null
            this.#state = { state: 'failed', text: errorText(error), advice }
          },
        )
        .catch((error: unknown) => {
          this.#logger.error({ err: error }, 'the consent could not be kept')
          this.#state = { state: 'failed', text: errorText(error), advice: null }
        })
    })
  }

  /** Ends a check that waits for its code. */
  cancel(): void {
    this.#abort?.abort(new ApplianceError('SIGN_IN_FAILED', {}, { text: 'The check was cancelled.' }))
    this.#abort = undefined
    this.#state = { state: 'none' }
  }
}

/** Signing in needs no trunk; the client is handed one that leads nowhere. */
function endpointsOf(app: AppRegistration, identity: ProbeTargets['identity']) {
  return {
    lab: false,
    ...app,
    ...identity,
    trunk: { hosts: [], sbcFqdn: '', certificatePem: '', keyPem: '', caPem: [], optionsIntervalMs: 0 },
  }
}
