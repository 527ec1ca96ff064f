import type { Line } from '#src/model/line.ts'
import { errorText } from '#src/base/errors.ts'
import type { PromptName } from '../options.ts'
import type { EnrolmentPort, EnrolmentRefusal, EnrolmentResult } from '../ports.ts'
import type { FeatureCallPort, FeatureOutcome } from './feature-call.ts'

/** What the phone hears. A code of another device sounds like a wrong one: guessing must not find codes. */
const promptOf: Record<EnrolmentRefusal, PromptName> = {
  'wrong-code': 'enrol-wrong-code',
  'other-device': 'enrol-wrong-code',
  expired: 'enrol-expired',
  used: 'enrol-used',
  'no-address': 'enrol-no-address',
  'too-many-tries': 'enrol-later',
}

/** `*55*<code>`: enrols the device that it is dialled on and says how that went. */
export async function enrolByPhone(context: {
  line: Line
  code: string
  port: FeatureCallPort
  enrolment: EnrolmentPort
}): Promise<FeatureOutcome> {
  const { line, code, port, enrolment } = context
  let result: EnrolmentResult
  try {
    result = enrolment.enrol(line.id, code)
  } catch (error) {
    port.logger.error({ err: error, lineId: line.id }, 'an enrolment failed')
    await port.say('enrol-failed')
    return { cause: 'FEATURE_FAILED', text: `The enrolment failed: ${errorText(error)}` }
  }
  if (result.kind === 'enrolled') {
    await port.say('enrolled')
    return { cause: 'FEATURE_DONE', text: result.text }
  }
  await port.say(promptOf[result.why])
  return { cause: 'FEATURE_FAILED', text: result.text }
}
