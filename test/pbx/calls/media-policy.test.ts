import t from 'tap'
import { holdForTeams, isSameSession, offeredProfile, profilesForPhone } from '#src/pbx/calls/media-policy.ts'

const sdp = (profile: string, direction: string, version = 1): string =>
  [
    'v=0',
    `o=- 7 ${version} IN IP4 192.0.2.1`,
    's=-',
    'c=IN IP4 192.0.2.1',
    't=0 0',
    `m=audio 4000 ${profile} 8 101`,
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    ...(direction === '' ? [] : [`a=${direction}`]),
    '',
  ].join('\r\n')

t.test('a phone is offered encryption exactly when its signalling is encrypted', async (t) => {
  t.same(profilesForPhone('tls'), ['RTP/SAVP', 'RTP/AVP'])
  t.same(profilesForPhone('udp'), ['RTP/AVP'])
  t.same(profilesForPhone('tcp'), ['RTP/AVP'])
})

t.test('the offered profile is read', async (t) => {
  t.equal(offeredProfile(sdp('RTP/AVP', '')), 'RTP/AVP')
  t.equal(offeredProfile(sdp('RTP/AVPF', '')), 'RTP/AVP')
  t.equal(offeredProfile(sdp('RTP/SAVP', '')), 'RTP/SAVP')
  t.equal(offeredProfile(sdp('UDP/TLS/RTP/SAVPF', '')), undefined)
  t.equal(offeredProfile('v=0\r\nm=video 1 RTP/AVP 96\r\n'), undefined)
})

t.test('Teams sees every kind of hold as a=inactive and nothing else (acceptance number 7)', async (t) => {
  for (const direction of ['sendonly', 'recvonly', 'inactive']) {
    const text = holdForTeams(sdp('RTP/SAVP', direction))
    t.match(text, /^a=inactive\r$/m, direction)
    t.notMatch(text, /sendonly|recvonly|sendrecv|0\.0\.0\.0/, direction)
  }
  t.equal(
    holdForTeams(sdp('RTP/SAVP', 'sendrecv')),
    sdp('RTP/SAVP', 'sendrecv'),
    'a talking call is left alone',
  )
  t.equal(holdForTeams(sdp('RTP/SAVP', '')), sdp('RTP/SAVP', ''))
})

t.test('only the very same description is a refresh', async (t) => {
  t.equal(isSameSession(sdp('RTP/AVP', '', 3), sdp('RTP/AVP', '', 3)), true)
  t.equal(
    isSameSession(sdp('RTP/AVP', '', 3), sdp('RTP/AVP', 'sendonly', 3)),
    false,
    'a hold without a new version',
  )
  t.equal(isSameSession(sdp('RTP/AVP', '', 3), sdp('RTP/AVP', '', 4)), false)
  t.equal(isSameSession('', ''), false)
})
