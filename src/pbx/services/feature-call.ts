import type { Logger } from '#src/base/logger.ts'
import type { Cause } from '../calls/classify-failure.ts'
import type { IncomingCall } from '../calls/incoming-call.ts'
import type { PromptName } from '../options.ts'
import type { FeatureCall } from './parse-feature-code.ts'

/** Carries out a feature code for a caller. */
export interface FeatureRunner {
  run(incoming: IncomingCall, feature: FeatureCall): Promise<void>
}

/** What a feature's story can do while the caller listens. */
export interface FeatureCallPort {
  /** Says a phrase to its end; false when the caller hung up meanwhile. */
  say(name: PromptName): Promise<boolean>
  spell(text: string): Promise<boolean>
  /** Aborted when the caller hangs up or the call is ended from outside. */
  readonly gone: AbortSignal
  readonly logger: Logger
}

/** How a feature ended: the cause for the log and, if there is more to say, the sentence. */
export interface FeatureOutcome {
  cause: Extract<Cause, `FEATURE_${string}`>
  text?: string
}
