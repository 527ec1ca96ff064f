import t from 'tap'
import { ChallengePins } from '#src/engine/proxy/challenge-pins.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const body = Buffer.alloc(0)

function challenge(nonce: string): SipResponse {
  const headers = new SipHeaders(['WWW-Authenticate', `Digest realm="r", nonce="${nonce}"`])
  return { kind: 'response', status: 401, reason: '', headers, body }
}

function answerTo(nonce: string): SipRequest {
  const headers = new SipHeaders(['Authorization', `Digest username="u", nonce="${nonce}", uri="sip:r"`])
  return { kind: 'request', method: 'REGISTER', uri: 'sip:r', headers, body }
}

void t.test('who gave a nonce is known for two seconds', async (t) => {
  const clock = new FakeClock()
  const pins = new ChallengePins(clock)
  pins.note(challenge('one'), 'sip:first')
  t.equal(pins.find(answerTo('one')), 'sip:first')
  t.equal(pins.find(answerTo('two')), undefined)
  clock.advance(2000)
  t.equal(pins.find(answerTo('one')), undefined)
})

void t.test('a nonce that is given again and again does not keep the others', async (t) => {
  const clock = new FakeClock()
  const pins = new ChallengePins(clock)
  for (let round = 0; round < 10; round++) {
    pins.note(challenge('steady'), 'sip:steady')
    pins.note(challenge(`once-${round}`), 'sip:other')
    clock.advance(1000)
  }
  t.ok(pins.size <= 4, `${pins.size} pins`)
  t.equal(pins.find(answerTo('steady')), 'sip:steady')
})
