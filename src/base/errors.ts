/**
 * Every error that a person may read has a code here: what to say, and the HTTP status it becomes.
 * Codes are documented in src/base/README.md, are never reused, and never change their meaning.
 */
export const errorTable = {
  CONFIG_UNREADABLE: { httpStatus: 500, text: 'The configuration file cannot be read.' },
  CONFIG_INVALID: { httpStatus: 400, text: 'A configuration value is not allowed.' },
  DATA_DIR_UNUSABLE: { httpStatus: 500, text: 'The data directory cannot be used.' },
  STORE_CORRUPT: { httpStatus: 500, text: 'The database is damaged.' },
  STORE_NEWER: { httpStatus: 500, text: 'The database was written by a newer version.' },
  STORE_FAILED: { httpStatus: 503, text: 'The database did not take the change.' },
  SEAL_KEY_MISSING: { httpStatus: 500, text: 'The key that seals the secrets is missing or wrong.' },
  PORT_IN_USE: { httpStatus: 500, text: 'A port that the box needs is taken.' },
  ENGINE_FAILED: { httpStatus: 503, text: 'The SIP engine did not start.' },
  MEDIA_FAILED: { httpStatus: 503, text: 'The media relay did not do what was asked.' },
  MEDIA_PORTS_EXHAUSTED: { httpStatus: 503, text: 'No media port is free.' },
  MEDIA_NO_CODEC: { httpStatus: 400, text: 'The two sides share no codec.' },
  MEDIA_SDP_INVALID: { httpStatus: 400, text: 'The session description cannot be used.' },
  NOT_FOUND: { httpStatus: 404, text: 'There is no such thing.' },
  CONFLICT: { httpStatus: 409, text: 'Somebody changed this meanwhile.' },
  INVALID: { httpStatus: 400, text: 'The request is not valid.' },
  UNAUTHENTICATED: { httpStatus: 401, text: 'Log in first.' },
  PASSWORD_WRONG: { httpStatus: 401, text: 'The password is wrong.' },
  ORIGIN_REFUSED: { httpStatus: 403, text: 'Changes are only taken from the page of the box itself.' },
  NOT_CLAIMED: { httpStatus: 409, text: 'The box has no owner yet, claim it first.' },
  PRECONDITION_MISSING: { httpStatus: 428, text: 'Say which version is changed (If-Match).' },
  TOO_LARGE: { httpStatus: 413, text: 'The request is too large.' },
  PART_NOT_RUNNING: { httpStatus: 503, text: 'The part of the box that does this is not running.' },
  CLAIM_CODE_WRONG: { httpStatus: 403, text: 'The claim code is wrong.' },
  ALREADY_CLAIMED: { httpStatus: 409, text: 'The box has an owner already.' },
  TOO_MANY_TRIES: { httpStatus: 429, text: 'Too many tries, wait a while.' },
  LAB_FAILED: { httpStatus: 503, text: 'The lab tenant did not start.' },
  SIGN_IN_FAILED: { httpStatus: 502, text: 'The sign-in did not succeed.' },
  SIGN_IN_NOT_ALLOWED: { httpStatus: 403, text: 'SIP devices calling is not allowed for this person.' },
  SIGN_IN_NO_NUMBER: { httpStatus: 403, text: 'This person has no phone number.' },
  SIGN_IN_NO_LICENCE: { httpStatus: 403, text: 'This person has no Teams Phone licence.' },
  TENANT_UNREACHABLE: { httpStatus: 502, text: 'The tenant cannot be reached.' },
  HOST_FAILED: { httpStatus: 503, text: 'The machine below the box did not do what was asked.' },
  HOST_UNSUPPORTED: {
    httpStatus: 409,
    text: 'This machine is managed by its own operating system, not by the box.',
  },
  TRIAL_RUNNING: { httpStatus: 409, text: 'A change of the network is being tried already.' },
  TRIAL_NONE: { httpStatus: 409, text: 'No change of the network is being tried.' },
  TRIAL_UNPROVEN: {
    httpStatus: 409,
    text: 'Confirm from the new address: this request came over the old one.',
  },
  INTERNAL: { httpStatus: 500, text: 'Something went wrong in the box; the log has the details.' },
} as const satisfies Record<string, { httpStatus: number; text: string }>

export type ErrorCode = keyof typeof errorTable

/** A failure with a documented code; `details` never carries secrets, `advice` says how to mend it. */
export class ApplianceError extends Error {
  readonly code: ErrorCode
  readonly details: Record<string, unknown>
  readonly advice: string | undefined

  constructor(
    code: ErrorCode,
    details: Record<string, unknown> = {},
    options: { cause?: unknown; advice?: string; text?: string } = {},
  ) {
    super(options.text ?? errorTable[code].text, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'ApplianceError'
    this.code = code
    this.details = details
    this.advice = options.advice
  }

  get httpStatus(): number {
    return errorTable[this.code].httpStatus
  }
}

/** The text of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
