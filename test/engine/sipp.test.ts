import t from 'tap'
import { freePort } from '#test/peers/free-port.ts'
import { startSipp } from '#test/peers/sipp.ts'
import { answerScenario } from '#test/peers/sipp-scenarios.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { until } from '#test/support/until.ts'

// The answer to BYE is told from a 200 to the INVITE that comes again because its ACK was lost.
const caller = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:bob@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[local_ip]>;tag=[pid]t[call_number]
To: <sip:bob@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:alice@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=a 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 4000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[local_ip]>;tag=[pid]t[call_number]
To: <sip:bob@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
<pause milliseconds="200"/>
<send retrans="500" start_txn="bye"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[local_ip]>;tag=[pid]t[call_number]
To: <sip:bob@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Content-Length: 0

]]></send>
<recv response="200" response_txn="bye"/>
</scenario>`

for (const { name, transport, lostPercent } of [
  { name: 'UDP', transport: 'u1', lostPercent: 0 },
  { name: 'TCP', transport: 't1', lostPercent: 0 },
  { name: 'UDP with a tenth of the packets lost', transport: 'u1', lostPercent: 10 },
] as const) {
  void t.test(`SIPp calls SIPp through a B2BUA over ${name}`, async (t) => {
    const { srf, engine, udpPort, tcpPort } = await startTestEngine(t)
    const calleePort = await freePort()
    const callee = startSipp({ scenario: answerScenario({ srtp: false }), localPort: calleePort })
    t.teardown(() => callee.stop())
    srf.use('invite', (req, res) => {
      srf.createB2BUA(req, res, `sip:bob@127.0.0.1:${calleePort}`, { localSdpB: req.body }).then(
        ({ uas, uac }) => {
          uas.on('destroy', () => uac.destroy())
          uac.on('destroy', () => uas.destroy())
        },
        (error: unknown) => t.fail(String(error)),
      )
    })
    const calls = lostPercent > 0 ? 20 : 60
    const result = await startSipp({
      scenario: caller,
      localPort: await freePort(),
      target: `127.0.0.1:${transport === 'u1' ? udpPort : tcpPort}`,
      transport,
      rate: 40,
      calls,
      extra: lostPercent > 0 ? ['-lost', String(lostPercent)] : [],
    }).done
    t.equal(result.successful, calls, result.errors)
    t.equal(result.failed, 0)
    const counters = engine.counters()
    if (lostPercent === 0) {
      t.equal(result.retransmissions, 0)
      t.equal(counters['retransmissionsSent'], 0)
    } else {
      // A request that SIPp loses on its way out reaches us once: only SIPp knows that it was repeated.
      const ours = (counters['retransmissionsReceived'] ?? 0) + (counters['retransmissionsSent'] ?? 0)
      t.ok(result.retransmissions + ours > 0, 'something was lost and repeated')
    }
    await until(() => engine.counters()['dialogsAlive'] === 0)
    t.equal(engine.counters()['requestsServing'], 0)
    t.equal(engine.counters()['requestsAsking'], 0)
  })
}
