import { errorTable, type ErrorCode } from '#src/base/errors.ts'
import { errorView } from './common.ts'

type ErrorAnswers = Record<'4xx' | '5xx', typeof errorView>

/**
 * The error half of a route's documentation: its own codes, and those that every route may answer with.
 * Also keeps the serialiser from leaking a field that no schema names.
 */
export function errors(...codes: ErrorCode[]): ErrorAnswers {
  const all = new Set<ErrorCode>(['INVALID', 'UNAUTHENTICATED', 'TOO_MANY_TRIES', 'INTERNAL', ...codes])
  return { '4xx': described([...all].filter(isRefusal)), '5xx': described([...all].filter(isFailure)) }
}

/** The error half of a public route, which never asks for a login. */
export function publicErrors(...codes: ErrorCode[]): ErrorAnswers {
  const all: ErrorCode[] = ['INVALID', 'TOO_MANY_TRIES', 'INTERNAL', ...codes]
  return { '4xx': described(all.filter(isRefusal)), '5xx': described(all.filter(isFailure)) }
}

const isRefusal = (code: ErrorCode): boolean => errorTable[code].httpStatus < 500
const isFailure = (code: ErrorCode): boolean => !isRefusal(code)

function described(codes: ErrorCode[]): typeof errorView {
  return Object.assign({ ...errorView }, { description: codes.join(', ') })
}
