import t from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import { seeded } from '#test/rtp/reference-srtp.ts'
import { answerDirection, findAudio, sharedCodecs } from '#src/sdp/offer-answer.ts'
import { formatSdp } from '#src/sdp/format.ts'
import { parseSdp } from '#src/sdp/parse.ts'
import { audioDirection, rewriteSdp, withAudioDirection } from '#src/sdp/rewrite.ts'
import { reverseDirection, type Direction } from '#src/sdp/session-description.ts'

const inline80 = 'inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'
const inline32 = 'inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj'

/** A description of the given audio lines, with CRLF. */
function sdp(...lines: string[]): string {
  return ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 't=0 0', ...lines, ''].join('\r\n')
}

const connection = 'c=IN IP4 192.0.2.1'

/** As Teams writes it: several suites, lifetime, MKI, mux, ICE. */
const teamsOffer = sdp(
  connection,
  'b=CT:10000000',
  'm=audio 49300 RTP/SAVP 104 9 103 111 18 0 8 97 101 13 118',
  'a=rtcp:49301 IN IP4 192.0.2.9',
  'a=rtcp-mux',
  'a=ice-ufrag:aaaa',
  'a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb',
  'a=candidate:1 1 UDP 2130706431 192.0.2.1 49300 typ host',
  `a=crypto:2 AES_CM_128_HMAC_SHA1_32 ${inline32}|2^31|1:1`,
  `a=crypto:3 AES_CM_128_HMAC_SHA1_80 ${inline80}|2^31|1:1`,
  'a=rtpmap:104 SILK/16000',
  'a=fmtp:104 useinbandfec=1',
  'a=rtpmap:9 G722/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=ptime:20',
  'a=fingerprint:sha-256 AA:BB',
)

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'none'
  } catch (error) {
    return error instanceof ApplianceError ? error.code : `not coded: ${String(error)}`
  }
}

t.test('descriptions that are usable and not, each with its code', async (t) => {
  const cases: [name: string, text: string, code: string][] = [
    ['plain G.711', sdp(connection, 'm=audio 4000 RTP/AVP 0 8'), 'none'],
    ['line ends without CR', sdp(connection, 'm=audio 4000 RTP/AVP 8').replaceAll('\r', ''), 'none'],
    ['c-line in the stream', sdp('m=audio 4000 RTP/AVP 8', connection), 'none'],
    ['IPv6', sdp('c=IN IP6 2001:db8::1', 'm=audio 4000 RTP/AVP 8'), 'none'],
    ['Teams', teamsOffer, 'none'],
    ['video first', sdp(connection, 'm=video 4002 RTP/AVP 97', 'm=audio 4000 RTP/AVP 8'), 'none'],
    ['hold by address', sdp('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 8'), 'none'],
    [
      'optional SRTP of phones',
      sdp(connection, 'm=audio 4000 RTP/AVP 8', `a=crypto:1 X ${inline80}`),
      'none',
    ],
    ['empty', '', 'MEDIA_SDP_INVALID'],
    ['not SDP', 'hello', 'MEDIA_SDP_INVALID'],
    ['no m-line', sdp(connection), 'MEDIA_SDP_INVALID'],
    ['no address', sdp('m=audio 4000 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['a name for an address', sdp('c=IN IP4 phone.example', 'm=audio 4000 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['multicast', sdp('c=IN IP4 239.1.1.1/127', 'm=audio 4000 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['broadcast', sdp('c=IN IP4 255.255.255.255', 'm=audio 4000 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['audio refused', sdp(connection, 'm=audio 0 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['port beyond 65,535', sdp(connection, 'm=audio 70000 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['port count', sdp(connection, 'm=audio 4000/2 RTP/AVP 8'), 'MEDIA_SDP_INVALID'],
    ['video only', sdp(connection, 'm=video 4000 RTP/AVP 97'), 'MEDIA_SDP_INVALID'],
    ['DTLS', sdp(connection, 'm=audio 4000 UDP/TLS/RTP/SAVPF 8'), 'MEDIA_SDP_INVALID'],
    ['SAVP without key', sdp(connection, 'm=audio 4000 RTP/SAVP 8'), 'MEDIA_SDP_INVALID'],
    [
      'SAVP with encryption off',
      sdp(
        connection,
        'm=audio 4000 RTP/SAVP 8',
        `a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${inline80} UNENCRYPTED_SRTP`,
      ),
      'MEDIA_SDP_INVALID',
    ],
    [
      '17 m-lines',
      sdp(connection, ...Array.from({ length: 17 }, () => 'm=audio 4000 RTP/AVP 8')),
      'MEDIA_SDP_INVALID',
    ],
    ['40 kB', sdp(connection, 'm=audio 4000 RTP/AVP 8', `a=x:${'y'.repeat(40_000)}`), 'MEDIA_SDP_INVALID'],
    ['unknown codec', sdp(connection, 'm=audio 4000 RTP/AVP 96', 'a=rtpmap:96 XYZ/8000'), 'MEDIA_NO_CODEC'],
    ['dynamic without map', sdp(connection, 'm=audio 4000 RTP/AVP 96'), 'MEDIA_NO_CODEC'],
    [
      'telephone-event only',
      sdp(connection, 'm=audio 4000 RTP/AVP 101 13', 'a=rtpmap:101 telephone-event/8000'),
      'MEDIA_NO_CODEC',
    ],
  ]
  t.equal(cases.length, 27)
  for (const [name, text, code] of cases)
    t.equal(
      codeOf(() => findAudio(parseSdp(text))),
      code,
      name,
    )
})

t.test('the 80-bit tag is chosen when the 32-bit one stands first, with lifetime and MKI read', async (t) => {
  const audio = findAudio(parseSdp(teamsOffer))
  t.equal(audio.crypto?.tag, 3)
  t.equal(audio.crypto?.lifetimePackets, 2 ** 31)
  t.same([...(audio.crypto?.key.mki ?? [])], [1])
  t.same(audio.remote, { host: '192.0.2.1', port: 49300 })
  t.same(audio.remoteRtcp, { host: '192.0.2.9', port: 49301 })
})

t.test('where RTCP goes: next port, a=rtcp, or the same with mux', async (t) => {
  const rtcpOf = (...lines: string[]): unknown =>
    findAudio(parseSdp(sdp(connection, 'm=audio 4000 RTP/AVP 8', ...lines))).remoteRtcp
  t.same(rtcpOf(), { host: '192.0.2.1', port: 4001 })
  t.same(rtcpOf('a=rtcp:5000'), { host: '192.0.2.1', port: 5000 })
  t.same(rtcpOf('a=rtcp:5000 IN IP4 192.0.2.7'), { host: '192.0.2.7', port: 5000 })
  t.same(rtcpOf('a=rtcp-mux'), { host: '192.0.2.1', port: 4000 })
})

t.test('a rewritten offer keeps codecs, ptime and direction, and nothing that leads past us', async (t) => {
  const session = parseSdp(
    teamsOffer.replace('a=ptime:20', 'a=ptime:20\r\na=sendonly\r\na=silenceSupp:off - - - -'),
  )
  const audio = findAudio(session)
  const text = formatSdp(
    rewriteSdp(
      audio,
      { media: [...session.media, ...parseSdp(sdp('m=video 9 RTP/AVP 97')).media], audioIndex: 0 },
      {
        address: '198.51.100.7',
        port: 20_000,
        rtcpPort: 20_001,
        protocol: 'RTP/AVP',
        rtcpMux: false,
        crypto: undefined,
        origin: { sessionId: '42', version: 3 },
      },
    ),
  )
  t.matchOnlyStrict(text.split('\r\n'), [
    'v=0',
    'o=- 42 3 IN IP4 198.51.100.7',
    's=-',
    'c=IN IP4 198.51.100.7',
    't=0 0',
    'm=audio 20000 RTP/AVP 104 9 18 0 8 101 13',
    'c=IN IP4 198.51.100.7',
    'a=rtpmap:104 SILK/16000',
    'a=rtpmap:9 G722/8000',
    'a=rtpmap:18 G729/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=rtpmap:13 CN/8000',
    'a=fmtp:104 useinbandfec=1',
    'a=fmtp:101 0-16',
    'a=rtcp:20001',
    'a=ptime:20',
    'a=sendonly',
    'a=silenceSupp:off - - - -',
    'm=video 0 RTP/AVP 97',
    '',
  ])
})

t.test('a hold by c=0.0.0.0 is told by direction', async (t) => {
  const held = (direction: string): Direction =>
    findAudio(parseSdp(sdp('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 8', `a=${direction}`))).direction
  t.equal(held('sendrecv'), 'sendonly')
  t.equal(held('sendonly'), 'sendonly')
  t.equal(held('recvonly'), 'inactive')
  t.equal(held('inactive'), 'inactive')
  t.equal(findAudio(parseSdp(sdp('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 8'))).remote, undefined)
  t.equal(audioDirection(sdp('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 8')), 'sendonly')
  t.equal(audioDirection(sdp(connection, 'm=audio 4000 RTP/AVP 8')), 'sendrecv')
  t.equal(
    audioDirection(sdp(connection, 'a=recvonly', 'm=audio 4000 RTP/AVP 8')),
    'recvonly',
    'from the session',
  )
  const inactive = withAudioDirection(sdp(connection, 'm=audio 4000 RTP/AVP 8'), 'inactive')
  t.equal(audioDirection(inactive), 'inactive')
})

t.test('directions of answers, all sixteen pairs (RFC 3264 6.1)', async (t) => {
  const all: Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']
  const table = all.map((offered) => all.map((wanted) => answerDirection(offered, wanted)))
  t.same(table, [
    ['sendrecv', 'sendonly', 'recvonly', 'inactive'],
    ['recvonly', 'inactive', 'recvonly', 'inactive'],
    ['sendonly', 'sendonly', 'inactive', 'inactive'],
    ['inactive', 'inactive', 'inactive', 'inactive'],
  ])
  t.same(all.map(reverseDirection), ['sendrecv', 'recvonly', 'sendonly', 'inactive'])
})

t.test('an answer must share a codec by name and clock; numbers may differ', async (t) => {
  const codecs = (...lines: string[]) => findAudio(parseSdp(sdp(connection, ...lines))).media.codecs
  const offered = codecs('m=audio 4000 RTP/AVP 8 96', 'a=rtpmap:96 opus/48000/2')
  t.same(
    sharedCodecs(offered, codecs('m=audio 4000 RTP/AVP 111 0', 'a=rtpmap:111 OPUS/48000/2')).map(
      (codec) => codec.name,
    ),
    ['OPUS'],
  )
  t.equal(
    codeOf(() => sharedCodecs(offered, codecs('m=audio 4000 RTP/AVP 0'))),
    'MEDIA_NO_CODEC',
  )
})

t.test('fuzzed descriptions give a coded error or a stream, never anything else', async (t) => {
  const random = seeded(5)
  const bits = teamsOffer.split('\r\n')
  let good = 0
  let refused = 0
  const endMs = performance.now() + 2000
  while (performance.now() < endMs) {
    let text = bits.filter(() => random() > 0.05).join(random() < 0.5 ? '\r\n' : '\n')
    for (let change = Math.floor(random() * 4); change > 0; change--) {
      const at = Math.floor(random() * text.length)
      const noise = String.fromCharCode(Math.floor(random() * (random() < 0.2 ? 0xffff : 128)))
      text = text.slice(0, at) + (random() < 0.5 ? noise : '') + text.slice(at + Math.floor(random() * 8))
    }
    try {
      const session = parseSdp(text)
      findAudio(session)
      parseSdp(formatSdp(session))
      withAudioDirection(text, 'inactive')
      good++
    } catch (error) {
      if (!(error instanceof ApplianceError)) t.fail(`${String(error)} for ${JSON.stringify(text)}`)
      refused++
    }
  }
  t.ok(good > 50 && refused > 50, `${good} good, ${refused} refused`)
})

t.test('the first audio stream that can be used is taken, wherever it stands', async (t) => {
  const text = sdp(
    connection,
    'm=audio 4000 UDP/TLS/RTP/SAVP 8',
    'm=audio 4002 RTP/SAVP 8',
    'm=audio 4004 RTP/AVP 8',
  )
  const audio = findAudio(parseSdp(text))
  t.match(audio, { index: 2, secure: false, remote: { port: 4004 } })
  t.throws(() => findAudio(parseSdp(text.replace('4004', '0'))), {
    code: 'MEDIA_SDP_INVALID',
    details: { reason: /UDP\/TLS/ },
  })
  const ours = formatSdp(
    rewriteSdp(
      { ...audio, direction: 'sendonly' },
      { media: parseSdp(text).media, audioIndex: audio.index },
      {
        address: '192.0.2.9',
        port: 5000,
        rtcpPort: 5001,
        protocol: 'RTP/AVP',
        rtcpMux: false,
        crypto: undefined,
        origin: { sessionId: '1', version: 1 },
      },
    ),
  )
  t.same(
    parseSdp(ours).media.map((media) => media.port),
    [0, 0, 5000],
  )
  t.equal(audioDirection(ours), 'sendonly', 'the refused ones before it say nothing')
  t.equal(audioDirection(sdp('c=IN IP6 ::', 'm=audio 4000 RTP/AVP 8')), 'sendonly')
})

t.test('one IPv6 address in two spellings is one address', async (t) => {
  const text = sdp('c=IN IP6 2001:DB8:0:0::1', 'm=audio 4000 RTP/AVP 8', 'a=rtcp:4001 IN IP6 2001:0db8::0001')
  const { remote, remoteRtcp } = findAudio(parseSdp(text))
  t.same(remote, { host: '2001:db8::1', port: 4000 }, 'as a socket tells the source of a packet')
  t.same(remoteRtcp, { host: '2001:db8::1', port: 4001 })
})

t.test('a format list that repeats itself costs no more than its numbers', async (t) => {
  const offered = parseSdp(sdp(connection, `m=audio 4000 RTP/AVP ${'0 00 000 '.repeat(3000)}8`))
  const answered = parseSdp(sdp(connection, `m=audio 4000 RTP/AVP ${'18 '.repeat(9000)}8`))
  const [offer, answer] = [offered, answered].map((session) => findAudio(session).media.codecs)
  t.same(
    offer?.map((codec) => codec.payload),
    [0, 8],
  )
  t.same(
    sharedCodecs(offer ?? [], answer ?? []).map((codec) => codec.payload),
    [8],
  )
})
