import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ApplianceError } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { ErrorView } from './schema/common.ts'

interface ValidationProblem {
  keyword: string
  instancePath: string
  message?: string
  params: Record<string, unknown>
}

/** Turns whatever a route threw into the one error shape; what nobody expected is logged and told as INTERNAL. */
export function replyWithError(logger: Logger) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const failure = asApplianceError(error)
    if (failure.code === 'INTERNAL') {
      const route = request.routeOptions.url
      logger.error({ err: error, method: request.method, route }, 'a request failed unexpectedly')
    }
    const retryAfterS = failure.details.retryAfterS
    if (typeof retryAfterS === 'number') void reply.header('retry-after', String(retryAfterS))
    void reply.status(error.statusCode === 415 ? 415 : failure.httpStatus).send(errorBody(failure))
  }
}

/** The body of an error answer. */
export function errorBody(error: ApplianceError): ErrorView {
  return {
    code: error.code,
    text: error.message,
    ...(Object.keys(error.details).length > 0 ? { details: error.details } : {}),
    ...(error.advice === undefined ? {} : { advice: error.advice }),
  }
}

function asApplianceError(error: FastifyError): ApplianceError {
  if (error instanceof ApplianceError) return error
  if (error.validation) return invalidField(error)
  const status = error.statusCode ?? 500
  if (status === 413) return new ApplianceError('TOO_LARGE')
  if (status === 429) return new ApplianceError('TOO_MANY_TRIES', { retryAfterS: 60 })
  if (status === 404) return new ApplianceError('NOT_FOUND')
  if (status < 500) return new ApplianceError('INVALID', {}, { text: plainText(error) })
  return new ApplianceError('INTERNAL', {}, { cause: error })
}

function plainText(error: FastifyError): string {
  const texts: Record<string, string> = {
    FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The body must be JSON.',
    FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
    FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  }
  return texts[error.code] ?? 'The request is not valid.'
}

function invalidField(error: FastifyError): ApplianceError {
  const problem = error.validation?.[0] as ValidationProblem | undefined
  if (!problem) return new ApplianceError('INVALID')
  const field = fieldOf(problem)
  return new ApplianceError(
    'INVALID',
    { field, in: error.validationContext ?? 'body' },
    { text: `${field === '' ? 'The request' : `“${field}”`} ${sentenceOf(problem)}.` },
  )
}

/** The field a person must mend: for a missing or unknown one its own name, not its parent's. */
function fieldOf(problem: ValidationProblem): string {
  const parent = problem.instancePath.slice(1).replaceAll('/', '.')
  const own = problem.params.missingProperty ?? problem.params.additionalProperty
  if (typeof own !== 'string') return parent
  return parent === '' ? own : `${parent}.${own}`
}

function sentenceOf({ keyword, params, message }: ValidationProblem): string {
  switch (keyword) {
    case 'required':
      return 'is missing'
    case 'additionalProperties':
      return 'is not known here'
    case 'minLength':
      return params.limit === 1
        ? 'must not be empty'
        : `must have at least ${String(params.limit)} characters`
    case 'maxLength':
      return `must have at most ${String(params.limit)} characters`
    case 'minimum':
      return `must be at least ${String(params.limit)}`
    case 'maximum':
      return `must be at most ${String(params.limit)}`
    case 'type':
      return `must be of type ${String(params.type)}`
    case 'pattern':
      return 'does not have the right form'
    default:
      return message ?? 'is not valid'
  }
}
