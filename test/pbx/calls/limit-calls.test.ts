import t from 'tap'
import { limitCalls } from '#src/pbx/calls/limit-calls.ts'

t.test('takes calls until the box stops or is full', async (t) => {
  t.equal(limitCalls({ stopping: false, calls: 0, callsOfLine: 0 }), undefined)
  t.equal(limitCalls({ stopping: false, calls: 999, callsOfLine: 199 }), undefined)
  t.equal(limitCalls({ stopping: true, calls: 0, callsOfLine: 0 }), 'CALL_STOPPING')
  t.equal(limitCalls({ stopping: false, calls: 1000, callsOfLine: 0 }), 'CALL_LIMIT')
  t.equal(limitCalls({ stopping: false, calls: 10, callsOfLine: 200 }), 'CALL_LIMIT')
})
