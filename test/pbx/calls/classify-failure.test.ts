import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import {
  callCauses,
  classifyBye,
  classifyMediaError,
  classifyResponse,
  type Cause,
} from '#src/pbx/calls/classify-failure.ts'

t.test('every cause has a status, a phrase and one plain sentence', async (t) => {
  const entries = Object.entries(callCauses)
  t.ok(entries.length > 35)
  for (const [code, { sipStatus, reason, text }] of entries) {
    t.match(code, /^(CALL|FEATURE)_[A-Z_]+$/)
    t.ok(sipStatus === 200 || (sipStatus >= 400 && sipStatus < 700), `${code} has a final status`)
    t.ok(reason.length > 1 && !/[\r\n"]/.test(reason), `${code} has a phrase`)
    // It also goes into a quoted Warning text.
    t.match(text, /^[A-Z][^"\\\r\n]+\.$/, `${code} has a sentence`)
  }
  t.equal(new Set(entries.map(([, entry]) => entry.text)).size, entries.length, 'no two causes read the same')
})

t.test('a refusal means different things from a phone and from Teams', async (t) => {
  const table: [number, Cause, Cause][] = [
    [486, 'CALL_BUSY', 'CALL_BUSY'],
    [600, 'CALL_BUSY', 'CALL_BUSY'],
    [603, 'CALL_DECLINED', 'CALL_DECLINED'],
    [480, 'CALL_DEVICE_REFUSED', 'CALL_NO_ANSWER'],
    [408, 'CALL_DEVICE_SILENT', 'CALL_TEAMS_UNREACHABLE'],
    [503, 'CALL_DEVICE_SILENT', 'CALL_TEAMS_UNREACHABLE'],
    [403, 'CALL_DEVICE_REFUSED', 'CALL_TEAMS_FORBIDDEN'],
    [404, 'CALL_DEVICE_REFUSED', 'CALL_TEAMS_UNKNOWN_NUMBER'],
    [488, 'CALL_NO_CODEC', 'CALL_NO_CODEC'],
    [500, 'CALL_DEVICE_REFUSED', 'CALL_TEAMS_FAILED'],
  ]
  for (const [status, phone, teams] of table) {
    t.equal(classifyResponse('phone', status), phone, `phone ${status}`)
    t.equal(classifyResponse('teams', status), teams, `teams ${status}`)
  }
})

t.test('errors of the relay and reasons of a BYE are told apart', async (t) => {
  t.equal(classifyMediaError(new ApplianceError('MEDIA_NO_CODEC')), 'CALL_NO_CODEC')
  t.equal(classifyMediaError(new ApplianceError('MEDIA_SDP_INVALID')), 'CALL_SDP_UNUSABLE')
  t.equal(classifyMediaError(new ApplianceError('MEDIA_PORTS_EXHAUSTED')), 'CALL_MEDIA_EXHAUSTED')
  t.equal(classifyMediaError(new Error('x')), 'CALL_MEDIA_FAILED')
  t.equal(classifyBye('caller', 'normal release'), 'CALL_ENDED_BY_CALLER')
  t.equal(classifyBye('callee', 'normal release'), 'CALL_ENDED_BY_CALLEE')
  t.equal(classifyBye('callee', 'ACK timeout'), 'CALL_NO_ACK')
  t.equal(classifyBye('caller', 'Session timer expired'), 'CALL_SESSION_EXPIRED')
})
