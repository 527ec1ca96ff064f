// SIPp scenarios that take a bad path as it comes: what may arrive twice or late is optional, every call writes exactly
// one `outcome` line.

import { ok } from '#test/peers/sipp-scenarios.ts'

const failures = [400, 403, 404, 408, 480, 481, 482, 486, 487, 488, 491, 500, 503, 504, 600, 603]

const sdp = (who: string): string => `v=0
o=${who} 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 4000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
`

const head = (name: string): string =>
  `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="${name}">\n`

const outcome = (text: string): string => `<nop><action><log message="outcome ${text}"/></action></nop>`

/** How a caller behaves. */
export interface CallerOptions {
  /** The user it calls. */
  callee: string
  /** Port under which the engine sees it. */
  contactPort: number
  t1Ms: number
  talkMs: number
  /** False: it never acknowledges the 2xx and waits for the BYE that must follow. */
  acknowledges: boolean
}

const inDialog = (method: string, cseq: number, options: CallerOptions, branch: string): string =>
  `${method} [next_url] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:${options.contactPort};branch=${branch}
Max-Forwards: 70
From: <sip:alice@127.0.0.1>;tag=[pid]t[call_number]
To: <sip:${options.callee}@127.0.0.1>[peer_tag_param]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
Content-Length: 0

`

/** INVITE … ACK, BYE; a refusal is acknowledged and named. */
export function lossyCaller(options: CallerOptions): string {
  const { callee, contactPort, t1Ms } = options
  const branch = 'z9hG4bKi[pid]n[call_number]'
  return `${head('caller')}
<send retrans="${t1Ms}"><![CDATA[
INVITE sip:${callee}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:${contactPort};branch=${branch}
Max-Forwards: 70
From: <sip:alice@127.0.0.1>;tag=[pid]t[call_number]
To: <sip:${callee}@127.0.0.1>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:alice@127.0.0.1:${contactPort}>
Content-Type: application/sdp
Content-Length: [len]

${sdp('a')}]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
${failures.map((status) => `<recv response="${status}" optional="true" next="${status}"/>`).join('\n')}
<recv response="200" rrs="true"/>
${options.acknowledges ? talk(options) : silence(options)}
<nop next="99"/>
${failures.map((status) => `<label id="${status}"/>${refusal(status, options, branch)}<nop next="99"/>`).join('\n')}
<label id="98"/>
${outcome('ended elsewhere')}
<label id="99"/>
<timewait milliseconds="${8 * t1Ms}"/>
</scenario>`
}

const talk = (options: CallerOptions): string => `<send><![CDATA[
${inDialog('ACK', 1, options, '[branch]')}]]></send>
<pause milliseconds="${options.talkMs}"/>
<send retrans="${options.t1Ms}" start_txn="bye"><![CDATA[
${inDialog('BYE', 2, options, '[branch]')}]]></send>
<recv response="481" response_txn="bye" optional="true" next="98"/>
<recv response="200" response_txn="bye"/>
${outcome('completed')}`

const silence = (options: CallerOptions): string => `<recv request="BYE"/>
${ok()}
${outcome(`given up by BYE [last_Reason:]`)}
<pause milliseconds="${4 * options.t1Ms}"/>`

const refusal = (status: number, options: CallerOptions, branch: string): string => `<send><![CDATA[
ACK sip:${options.callee}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:${options.contactPort};branch=${branch}
Max-Forwards: 70
From: <sip:alice@127.0.0.1>;tag=[pid]t[call_number]
To: <sip:${options.callee}@127.0.0.1>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
${outcome(`refused ${status}`)}`

const answer = `[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]`

/** Rings, answers, waits for the BYE and answers it as often as it comes. */
export function lossyCallee(options: { contactPort: number; t1Ms: number }): string {
  const contact = `Contact: <sip:bob@127.0.0.1:${options.contactPort}>`
  return `${head('callee')}
<recv request="INVITE" rrs="true"/>
<send><![CDATA[
SIP/2.0 180 Ringing
${answer}
${contact}
Content-Length: 0

]]></send>
<send retrans="${options.t1Ms}"><![CDATA[
SIP/2.0 200 OK
${answer}
${contact}
Content-Type: application/sdp
Content-Length: [len]

${sdp('b')}]]></send>
<recv request="ACK" optional="true"/>
<recv request="BYE"/>
${ok()}
${outcome('ended')}
<timewait milliseconds="${64 * options.t1Ms}"/>
</scenario>`
}
