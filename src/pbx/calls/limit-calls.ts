import type { Cause } from './classify-failure.ts'

/** More calls than one box relays; beyond it every call would suffer. */
const maxCalls = 1000
/** More than any phone, adapter or DECT system needs on one line; a line that asks for more has gone wild. */
const maxCallsPerLine = 200

/** Decides whether one more call is taken; undefined = yes. */
export function limitCalls(load: {
  stopping: boolean
  calls: number
  callsOfLine: number
}): Cause | undefined {
  if (load.stopping) return 'CALL_STOPPING'
  if (load.calls >= maxCalls || load.callsOfLine >= maxCallsPerLine) return 'CALL_LIMIT'
  return undefined
}
