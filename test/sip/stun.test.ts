import t from 'tap'
import { answerStun, isStun } from '#src/sip/stun.ts'

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s+/g, ''), 'hex')

/** RFC 5769 2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY and FINGERPRINT. */
const sample = hex(`00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
  80 28 00 04 e5 7a 3b cf`)
const plain = hex('0001 0000 2112a442 b7e7a701bc34d686fa87dfae')

void t.test('the mapped addresses of RFC 5769 2.2 and 2.3', async (t) => {
  const four = answerStun(plain, '192.0.2.1', 32853)
  t.same(four, hex('0101 000c 2112a442 b7e7a701bc34d686fa87dfae 0020 0008 0001 a147 e112a643'))
  const six = answerStun(plain, '2001:db8:1234:5678:11:2233:4455:6677', 32853)
  t.same(
    six?.subarray(20),
    hex('0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9'),
    'IPv6 is masked with the transaction id as well',
  )
  t.same(answerStun(plain, '::1', 1)?.length, 44)
  t.same(
    answerStun(plain, 'fe80::1%eth0', 7)?.subarray(20),
    answerStun(plain, 'fe80::1', 7)?.subarray(20),
    'a zone id is ours alone',
  )
  t.same(answerStun(plain, '::ffff:192.0.2.1', 7)?.length, 44)
  t.equal(answerStun(plain, 'nonsense', 7), undefined)
})

void t.test(
  'a request that brings a FINGERPRINT gets one that another implementation agrees with',
  async (t) => {
    t.ok(isStun(sample))
    // PRIORITY must be understood (RFC 8445), and this is no ICE agent.
    const refused = answerStun(sample, '192.0.2.1', 5060)
    t.same(refused?.subarray(0, 2), hex('0111'))
    t.same(refused?.subarray(20, 36), hex('0009 0004 0000 0414 000a 0002 0024 0000'))
    t.same(refused?.subarray(36, 40), hex('8028 0004'))
    t.equal(refused?.length, 44)
    // The answer is STUN with a FINGERPRINT itself: as a request it would pass the same check.
    const asRequest = Buffer.from(refused as Buffer)
    t.equal(answerStun(asRequest, '192.0.2.1', 5060), undefined, 'a response is never answered')
    const broken = Buffer.from(sample)
    broken[40] = (broken[40] as number) ^ 1
    t.equal(answerStun(broken, '192.0.2.1', 5060), undefined, 'a wrong FINGERPRINT is not answered')
  },
)

void t.test('what is not a Binding request is not answered', async (t) => {
  const change = (at: number, ...values: number[]): Buffer => {
    const bytes = Buffer.from(plain)
    for (const [index, value] of values.entries()) bytes[at + index] = value
    return bytes
  }
  const table: [string, Buffer][] = [
    ['empty', Buffer.alloc(0)],
    ['half a header', plain.subarray(0, 19)],
    ['an indication', change(0, 0x00, 0x11)],
    ['an Allocate request', change(0, 0x00, 0x03)],
    ['a success response', change(0, 0x01, 0x01)],
    ['another cookie', change(4, 0x22)],
    ['a length that does not fit', change(3, 4)],
    ['ChannelData of TURN', change(0, 0x40, 0x01)],
    ['SIP', Buffer.from('OPTIONS sip:a SIP/2.0\r\n\r\n')],
    ['an attribute beyond the end', Buffer.concat([change(3, 4), hex('80220008')])],
    ['more than any client sends', Buffer.concat([change(2, 2, 0x58), hex('8022 0254'), Buffer.alloc(596)])],
  ]
  for (const [name, bytes] of table) t.equal(answerStun(bytes, '192.0.2.1', 5060), undefined, name)
  const many = Buffer.concat([change(2, 0, 160), ...Array.from({ length: 40 }, () => hex('7f010000'))])
  const refused = answerStun(many, '192.0.2.1', 5060)
  t.same(refused?.length, 40, 'a list of unknown attributes is cut')
  t.ok((refused?.length ?? 0) + 28 <= (plain.length + 28) * 1.5, 'no amplification with IPv4')
  t.ok((answerStun(plain, '::1', 1)?.length ?? 0) + 48 <= (plain.length + 48) * 1.5, 'nor with IPv6')
})
