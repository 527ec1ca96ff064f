import t from 'tap'
import type { TransportProtocol } from '#src/engine/transport/transport-port.ts'
import { Signalling, type TracedMessage } from '#src/engine/trace/signalling.ts'
import { writePcapng } from '#src/engine/trace/write-pcapng.ts'
import { silentLogger } from '#src/base/logger.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { readCapture } from '#test/peers/tshark.ts'
import { message, playSampleCall, sampleFlow, sampleFlows, sampleSecrets } from './sample-call.ts'

const about = { application: 'Branchline test', comment: 'call 1' }
const startMs = 1_700_000_000_000
/** Everything that tshark holds against a packet. */
const complaints = [
  '_ws.malformed',
  'tcp.analysis.flags',
  'ip.checksum.status',
  'udp.checksum.status',
  'tcp.checksum.status',
]
const checkSums = [
  '-o',
  'udp.check_checksum:TRUE',
  '-o',
  'tcp.check_checksum:TRUE',
  '-o',
  'ip.check_checksum:TRUE',
]
const addresses = ['ip.src', 'ip.dst', 'udp.srcport', 'udp.dstport', 'tcp.srcport', 'tcp.dstport']

t.test('tshark lists exactly the messages of a call: methods, addresses, times', async (t) => {
  const clock = new FakeClock(startMs)
  const signalling = new Signalling({ clock, logger: silentLogger, secretCodes: [] })
  signalling.start({ limits: { maxBytes: 1_000_000, maxAgeMs: 3_600_000 }, homer: undefined })
  t.teardown(() => signalling.stop())
  const { methods } = playSampleCall(signalling, {
    flows: sampleFlows(),
    joined: (sipCallId, party) => signalling.join('call', sipCallId, party),
    pass: (ms) => clock.advance(ms),
  })
  const messages = (signalling.ofCall('call') ?? []).flatMap((leg) => leg.messages)
  messages.sort((a, b) => a.atMs - b.atMs)
  const capture = writePcapng(messages, about)
  const fields = [
    'frame.time_epoch',
    'sip.Method',
    'sip.Status-Code',
    'sip.Call-ID',
    'frame.comment',
    ...addresses,
  ]
  const packets = await readCapture(capture, [...fields, ...complaints], checkSums)
  t.strictSame(
    packets.map((packet) => packet['sip.Method'] || packet['sip.Status-Code']),
    methods,
    'every message, in order, and no other',
  )
  for (const [index, packet] of packets.entries()) {
    t.equal(
      packet['frame.time_epoch'],
      `${startMs / 1000}.${String((index + 1) * 12_500_000).padStart(9, '0')}`,
      `time of ${index}`,
    )
    t.equal(packet['_ws.malformed'], '')
    t.equal(packet['tcp.analysis.flags'], '')
    for (const sum of ['ip.checksum.status', 'udp.checksum.status', 'tcp.checksum.status'])
      t.match(packet[sum], /^1?$/, `${sum} of ${index}`)
  }
  t.match(packets[0], {
    'ip.src': '192.0.2.10',
    'ip.dst': '192.0.2.1',
    'udp.srcport': '5060',
    'udp.dstport': '5060',
  })
  const toTeams = packets.find((packet) => packet['ip.dst'] === '198.51.100.7')
  t.match(toTeams, {
    'sip.Method': 'INVITE',
    'tcp.srcport': '45061',
    'tcp.dstport': '5061',
    'frame.comment': 'sent over tls; written as plain SIP over TCP',
  })
  const text = capture.toString('latin1')
  for (const secret of sampleSecrets) t.notOk(text.includes(secret), 'no secret in the file')
})

t.test('IPv6, every transport, messages longer than a packet, and cut ones', async (t) => {
  const v6 = { host: '2001:db8::1', port: 5060 }
  const peers = [
    { protocol: 'udp', local: v6, host: '2001:db8::ff:2' },
    { protocol: 'tls', local: { host: '2001:db8::1', port: 5061 }, host: 'fe80::1%eth0' },
    { protocol: 'ws', local: { host: '192.0.2.1', port: 8088 }, host: '192.0.2.3' },
    { protocol: 'wss', local: { host: '192.0.2.1', port: 8443 }, host: '192.0.2.4' },
    { protocol: 'udp', local: { host: '::', port: 5060 }, host: '::ffff:192.0.2.5' },
  ] as const satisfies { protocol: TransportProtocol; local: typeof v6; host: string }[]
  const method = ['OPTIONS', 'NOTIFY', 'REGISTER', 'SUBSCRIBE', 'PUBLISH']
  const messages: TracedMessage[] = peers.map(({ protocol, local, host }, index) => {
    const name = method[index] as string
    const bytes = message(`${name} sip:x@y SIP/2.0`, { callId: `c${index}`, cseq: `1 ${name}` })
    const flow = sampleFlow(protocol, local, { host, port: 41_000 + index })
    return { atMs: startMs + index, sent: index % 2 === 1, flow, size: bytes.length, bytes }
  })
  const long = message(
    'MESSAGE sip:x@y SIP/2.0',
    { callId: 'long', cseq: '1 MESSAGE' },
    [],
    'm'.repeat(65_000),
  )
  const tcp = sampleFlow('tcp', { host: '192.0.2.1', port: 5060 }, { host: '192.0.2.9', port: 42_000 })
  messages.push({ atMs: startMs + 10, sent: false, flow: tcp, size: long.length, bytes: long })
  const reply = message('SIP/2.0 200 OK', { callId: 'long', cseq: '1 MESSAGE', toTag: 'x' })
  messages.push({ atMs: startMs + 11, sent: true, flow: tcp, size: reply.length, bytes: reply })
  const cut = { ...(messages[0] as TracedMessage), atMs: startMs + 12, size: 9_999 }
  const capture = writePcapng([...messages, cut], about)
  const fields = [
    'sip.Method',
    'sip.Status-Code',
    'sip.msg_body',
    'ipv6.src',
    'ip.src',
    'frame.len',
    'frame.cap_len',
    'frame.comment',
  ]
  const packets = await readCapture(capture, [...fields, ...complaints], checkSums)
  const sip = packets.filter((packet) => packet['sip.Method'] !== '' || packet['sip.Status-Code'] !== '')
  t.strictSame(
    sip.map((packet) => packet['sip.Method'] || packet['sip.Status-Code']),
    [...method, 'MESSAGE', '200', 'OPTIONS'],
  )
  for (const packet of packets.slice(0, -1)) {
    t.equal(packet['tcp.analysis.flags'], '', 'sequence numbers fit')
    for (const sum of ['udp.checksum.status', 'tcp.checksum.status']) t.match(packet[sum], /^1?$/, sum)
  }
  t.equal(sip[0]?.['ipv6.src'], '2001:db8::ff:2')
  t.equal(sip[1]?.['ipv6.src'], '2001:db8::1')
  t.equal(sip[4]?.['ipv6.src'], '::ffff:192.0.2.5')
  t.equal(packets.length, sip.length + 1, 'the long message fills two packets and is put together')
  const last = packets.at(-1)
  t.equal(
    Number(last?.['frame.len']) - Number(last?.['frame.cap_len']),
    9_999 - (messages[0]?.bytes.length ?? 0),
  )
  t.match(last?.['frame.comment'], /only the first \d+ of 9999 bytes were kept/)
})

t.test('a capture without messages is a sound file', async (t) => {
  t.strictSame(await readCapture(writePcapng([], about), ['frame.number']), [])
})
