import t from 'tap'
import { sampleOf } from '#src/engine/guard/sample.ts'

t.test('a sample shows who meant whom, and no secret', async (t) => {
  const text = [
    'REGISTER sip:alice:geheim@box SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    'From: <sip:alice:geheim@box>;tag=1',
    'f: <sip:bob@box>',
    'Authorization: Digest username="alice", response="geheim"',
    'Authorization : Digest response="geheim"',
    ' folded="geheim"',
    'User-Agent: friendly\x00scan\xffner',
    '',
    'body with geheim',
  ].join('\r\n')
  const sample = sampleOf(Buffer.from(text, 'latin1'))
  t.equal(
    sample,
    'REGISTER sip:alice:******@box SIP/2.0 | From: <sip:alice:******@box>;tag=1 | f: <sip:bob@box> | User-Agent: friendly.scan.ner',
  )
})

t.test(
  'whatever stands in the first line, and codes that are dialled, are masked as elsewhere',
  async (t) => {
    for (const first of [
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:geheim',
      'Authorization: Digest username="alice", response="geheim"',
      'Signal=geheim',
      `INVITE sip:201:${'geheim'.repeat(20)}@box SIP/2.0`,
      'INVITE sip:*55*geheim@box SIP/2.0',
    ]) {
      t.notMatch(sampleOf(Buffer.from(`${first}\r\nFrom: <sip:a@b>\r\n\r\n`), ['*55*']), /geheim/, first)
    }
  },
)

t.test('a sample is short, printable and never throws', async (t) => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.alloc(70_000, 0xff),
    Buffer.from('\r\n\r\n'),
    Buffer.from('\u2028'.repeat(900)),
  ]) {
    const sample = sampleOf(bytes)
    t.ok(sample.length <= 240)
    t.match(sample, /^[\x20-\x7e]*$/)
  }
})
