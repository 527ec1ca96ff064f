import { ApplianceError, errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Health } from '#src/health/health.ts'

/** What a part says of itself once it runs. */
export interface Started<T> {
  value: T
  /** One sentence for the status page. */
  detail: string
}

/**
 * Starts one part of the box and reports how it went. A failure becomes a line in the log and on the page,
 * with what to do about it, and `undefined`: the other parts start all the same.
 */
export async function startPart<T>(
  context: { health: Health; logger: Logger },
  name: string,
  start: () => Promise<Started<T>>,
): Promise<T | undefined> {
  const { health, logger } = context
  health.report({ name, state: 'starting', detail: 'Starting.', advice: undefined })
  try {
    const { value, detail } = await start()
    health.report({ name, state: 'ok', detail, advice: undefined })
    logger.info({ part: name }, detail)
    return value
  } catch (error) {
    reportFailure(context, name, error)
    return undefined
  }
}

/** Reports a part as failed, with the error's own advice when it has one. */
export function reportFailure(
  context: { health: Health; logger: Logger },
  name: string,
  error: unknown,
): void {
  const advice =
    error instanceof ApplianceError && error.advice !== undefined
      ? error.advice
      : 'The log has the details. Mend the cause and restart the box.'
  context.health.report({ name, state: 'failed', detail: errorText(error), advice })
  context.logger.error({ err: error, part: name }, 'a part of the box did not start')
}

/** Reports a part that cannot start because another one did not. */
export function reportWaiting(health: Health, name: string, needs: string): void {
  health.report({
    name,
    state: 'failed',
    detail: `Not started, because of ${needs}.`,
    advice: `Mend ${needs} first.`,
  })
}
