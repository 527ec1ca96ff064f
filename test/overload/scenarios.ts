// SIPp scenarios of a box that has more to do than it can. [field0] is a username, [field1] its [authentication] value.
import { callScenario, head, ok } from '#test/peers/sipp-scenarios.ts'

const media = `v=0
o=sipp 1 [$version] IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
`

/** An INVITE inside the call, answered by 200 and acknowledged. */
const again = (cseq: number): string => `
<send retrans="500"><![CDATA[
INVITE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field2]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

${media.replace('[$version]', String(cseq))}]]></send>
<recv response="100" optional="true"/>
<recv response="200"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field2]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ACK
Content-Length: 0

]]></send>`

/** A call that talks for `steps` times `stepMs`, with a re-INVITE between, and hangs up. */
export function restlessCall(steps: number, stepMs: number): string {
  const plain = callScenario({ talkMs: stepMs })
  const middle = Array.from(
    { length: steps - 1 },
    (_each, index) => `${again(3 + index)}<pause milliseconds="${stepMs}"/>`,
  )
  return plain
    .replace(`<pause milliseconds="${stepMs}"/>`, `<pause milliseconds="${stepMs}"/>${middle.join('')}`)
    .replace('CSeq: 3 BYE', `CSeq: ${2 + steps} BYE`)
}

const answer = `[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]far[call_number]
[last_Call-ID:]
[last_CSeq:]`

const accept = (to: string): string => `
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
${answer.replace('[last_To:];tag=[pid]far[call_number]', to)}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
Content-Type: application/sdp
Content-Length: [len]

${media.replace('[$version]', '1')}]]></send>
<recv request="ACK" rrs="true"/>`

/** Answers a call and every re-INVITE in it, until BYE. */
export const restlessAnswer = `${head('restless answer')}
<recv request="INVITE" rrs="true"/>
<send><![CDATA[
SIP/2.0 180 Ringing
${answer}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
${accept('[last_To:];tag=[pid]far[call_number]')}
<label id="1"/>
<recv request="BYE" optional="true" next="2"/>
<recv request="INVITE"/>
${accept('[last_To:]').replace('<recv request="ACK" rrs="true"/>', '<recv request="ACK" rrs="true" next="1"/>')}
<label id="2"/>
${ok()}
</scenario>`

const refused = `<ereg regexp="[0-9]+" search_in="hdr" header="Retry-After:" check_it="true" assign_to="seconds"/>
<log message="503 [$seconds]"/>`

/** Registers once; a refusal with Retry-After is as good as an answer, and is logged. */
export const oneRegister = `${head('one register')}
<send><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>;expires=600
User-Agent: SIPp
Content-Length: 0

]]></send>
<recv response="503" optional="true" next="1"><action>${refused}</action></recv>
<recv response="401" auth="true"/>
<send><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>;expires=600
User-Agent: SIPp
[field1]
Content-Length: 0

]]></send>
<recv response="503" optional="true" next="1"><action>${refused}</action></recv>
<recv response="200"/>
<label id="1"/>
<Reference variables="seconds"/>
</scenario>`

/** Asks to call `user` and takes the challenge, or a refusal with Retry-After, as the answer; both are logged. */
export const oneInvite = (user: string): string => `${head('one invite')}
<send><![CDATA[
INVITE sip:${user}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:${user}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="503" optional="true" next="1"><action>${refused}</action></recv>
<recv response="407"><action><log message="407 0"/></action></recv>
<label id="1"/>
<send><![CDATA[
ACK sip:${user}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:${user}@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
<Reference variables="seconds"/>
</scenario>`
