import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createEmbeddedRelay } from '#src/media/embedded/media-control.ts'
import type { EndpointSession } from '#src/media/endpoint/media-endpoint.ts'
import type { RtpProfile } from '#src/media/media-relay.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { localAddress, makeEndpoints } from '../endpoint/endpoint-pair.ts'

/** Presses the keys and resolves with what the other side heard, once it heard as many. */
function press(from: EndpointSession, to: EndpointSession, keys: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    to.onDtmf = (key) => {
      heard += key
      if (heard.length === keys.length) resolve(heard)
    }
    from.sendDtmf(keys).then((whole) => whole || reject(new Error('not sent')), reject)
  })
}

const cases: [caller: RtpProfile, callee: RtpProfile, calleeNumber: number][] = [
  ['RTP/AVP', 'RTP/SAVP', 101],
  ['RTP/SAVP', 'RTP/AVP', 101],
  // RFC 3264 5.1: each side receives under its own number; the relay hands both on and renumbers nothing.
  ['RTP/AVP', 'RTP/SAVP', 96],
]

for (const [callerProfile, calleeProfile, number] of cases) {
  t.test(
    `keys cross ${callerProfile} and ${calleeProfile}, told as 101 there and ${number} here`,
    async (t) => {
      const relay = createEmbeddedRelay({
        portMin: 23_700,
        portMax: 23_799,
        workers: 1,
        clock: systemClock,
        random: systemRandom,
        logger: new MemoryLogger(),
        reuseDelayMs: 0,
      })
      await relay.start()
      t.teardown(() => relay.stop())
      const endpoints = makeEndpoints(t)
      const caller = await endpoints.offer({ localAddress, profile: callerProfile })
      const sessionId = 'keys'
      const offer = await relay.offer({
        sessionId,
        from: 'caller',
        sdp: caller.localSdp,
        toward: { profile: calleeProfile, localAddress },
      })
      t.match(offer, 'a=rtpmap:101 telephone-event/8000')
      const callee = await endpoints.answer(offer.replaceAll(/\b101\b/g, String(number)), { localAddress })
      t.match(callee.localSdp, `a=rtpmap:${number} telephone-event/8000`)
      const toward = { profile: callerProfile, localAddress }
      const answer = await relay.answer({ sessionId, from: 'callee', sdp: callee.localSdp, toward })
      t.match(answer, `a=rtpmap:${number} telephone-event/8000`)
      caller.acceptAnswer(answer)
      t.same(await Promise.all([press(caller, callee, '1*0'), press(callee, caller, '#D9')]), ['1*0', '#D9'])
      const stats = await relay.delete(sessionId)
      t.match(stats, { caller: { badTag: 0, malformed: 0 }, callee: { badTag: 0, malformed: 0 } })
    },
  )
}
