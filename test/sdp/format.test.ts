import t from 'tap'
import { parseSdp } from '#src/sdp/parse.ts'
import { formatSdp } from '#src/sdp/format.ts'

const head = ['v=0', 'o=- 1 2 IN IP4 192.0.2.1', 's=a b', 'c=IN IP4 192.0.2.1', 't=0 0']
const text = (...lines: string[]): string => [...lines, ''].join('\r\n')

t.test('every line we use is printed, in one order', async (t) => {
  const written = text(
    ...head,
    'm=audio 4000 RTP/SAVP 8 0 111 101',
    'c=IN IP4 192.0.2.9',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:111 useinbandfec=1;maxptime=60',
    'a=fmtp:101 0-16',
    'a=rtcp:4003',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|1:4',
    'a=ptime:20',
    'a=maxptime:60',
    'a=sendonly',
    'a=rtcp-mux',
    'a=silenceSupp:off - - - -',
    'm=video 0 RTP/AVP 96',
  )
  t.equal(formatSdp(parseSdp(written)), written)
})

t.test('what stands elsewhere or unsaid is printed out', async (t) => {
  const given = text(
    'v=0',
    'o=jdoe 9 7 IN IP6 2001:db8::1',
    's=-',
    'c=IN IP6 2001:db8::1',
    't=0 0',
    'a=recvonly',
    'm=audio 4000 RTP/AVP 0',
  )
  t.equal(
    formatSdp(parseSdp(given)),
    text(
      'v=0',
      'o=jdoe 9 7 IN IP6 2001:db8::1',
      's=-',
      'c=IN IP6 2001:db8::1',
      't=0 0',
      'm=audio 4000 RTP/AVP 0',
      'c=IN IP6 2001:db8::1',
      'a=rtpmap:0 PCMU/8000',
      'a=recvonly',
    ),
  )
  const noAddress = text('v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 't=0 0', 'm=audio 4000 RTP/AVP 8')
  t.notMatch(formatSdp(parseSdp(noAddress)).split('m=')[1], 'c=')
})

t.test('a refused stream keeps its line and nothing else', async (t) => {
  const given = text(...head, 'm=audio 0 RTP/AVP 8', 'a=rtpmap:8 PCMA/8000', 'a=ptime:20')
  t.equal(formatSdp(parseSdp(given)), text(...head, 'm=audio 0 RTP/AVP 8'))
})
