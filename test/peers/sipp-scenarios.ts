// SIPp scenarios as the tests and benchmarks need them. [field0] is the username, [field1] its [authentication] value.

/** The beginning of a scenario. */
export const head = (name: string): string => `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="${name}">`

/** 200 to the request that came last, inside a call or with no call to it. */
export const ok = (attributes = ''): string => `<send ${attributes}><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`

const register = (cseq: number, authentication: string, expiresS: number): string => `
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: ${cseq} REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>;expires=${expiresS}
User-Agent: SIPp
${authentication}Content-Length: 0

]]></send>`

/**
 * REGISTER, 401, REGISTER with credentials, 200. A first REGISTER that was repeated is challenged twice: over UDP
 * without state (RFC 3261 8.2.7).
 */
export const registerScenario = (expiresS = 3600): string => `${head('register')}
${register(1, '', expiresS)}
<recv response="100" optional="true"/>
<recv response="401" auth="true"/>
${register(2, '[field1]\n', expiresS)}
<recv response="100" optional="true"/>
<recv response="401" optional="true"/>
<recv response="200"/>
</scenario>`

/**
 * The same of a phone that is sent away (503) and comes back after the time that it was told (Retry-After), as often as
 * it takes; each wait is logged, seconds.
 */
export const registerPatientlyScenario = (expiresS = 3600): string => {
  const again = `<recv response="503" optional="true" next="2"><action>
<ereg regexp="[0-9]+" search_in="hdr" header="Retry-After:" check_it="true" assign_to="seconds"/>
<log message="[$seconds]"/>
<todouble assign_to="wait" variable="seconds"/>
<multiply assign_to="wait" value="1000"/>
</action></recv>`
  // SIPp counts [cseq] up with each request, and a request of its own needs a branch of its own. A request that was
  // repeated is challenged twice, and the second challenge comes late.
  const request = (authentication: string): string =>
    register(0, authentication, expiresS)
      .replace('CSeq: 0', 'CSeq: [cseq]')
      .replace('branch=[branch]', 'branch=[branch]-[cseq]')
  return `${head('register patiently')}
<label id="1"/>
${request('')}
<recv response="100" optional="true"/>
${again}
<recv response="401" auth="true"/>
${request('[field1]\n')}
<recv response="100" optional="true"/>
<recv response="401" optional="true"/>
${again}
<recv response="200" next="3"/>
<label id="2"/>
<pause variable="wait"/>
<nop next="1"/>
<label id="3"/>
</scenario>`
}

/** The same for one flow of a phone that keeps several (RFC 5626); [field2] is its reg-id. The 200 must agree to it. */
export const registerFlowScenario = (instance: string): string =>
  registerScenario()
    .replaceAll('expires=3600', `expires=3600;+sip.instance="<${instance}>";reg-id=[field2]`)
    .replaceAll('User-Agent: SIPp', 'Supported: path, outbound\nUser-Agent: SIPp')
    .replace(
      '<recv response="200"/>',
      `<recv response="200"><action>
<ereg regexp="outbound" search_in="hdr" header="Require:" check_it="true" assign_to="agreed"/>
<log message="agreed [$agreed]"/>
</action></recv>`,
    )

const sdp = (port: string): string => `v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio ${port} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
`

const invite = (cseq: number, authentication: string, to: string, port: string): string => `
<send retrans="500"><![CDATA[
INVITE sip:${to}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:${to}@[remote_ip]>
Call-ID: [call_id]
CSeq: ${cseq} INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
User-Agent: SIPp
${authentication}Content-Type: application/sdp
Content-Length: [len]

${sdp(port)}]]></send>`

/**
 * A phone calls [field2], talks for `talkMs` and hangs up. `audioFile` (A-law, raw) is sent meanwhile;
 * SIPp's own RTP echo check is not used, the far end counts.
 */
export const callScenario = (options: { talkMs: number; audioFile?: string }): string => {
  // SIPp hands out a port of its own per stream only under this name.
  const port = options.audioFile ? '[rtpstream_audio_port]' : '[media_port]'
  return `${head('call')}
${invite(1, '', '[field2]', port)}
<recv response="100" optional="true"/>
<recv response="407" auth="true"/>
<send><![CDATA[
ACK sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field2]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
${invite(2, '[field1]\n', '[field2]', port)}
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field2]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 ACK
Content-Length: 0

]]></send>
${options.audioFile ? `<nop><action><exec rtp_stream="${options.audioFile},-1,8"/></action></nop>` : ''}
<pause milliseconds="${options.talkMs}"/>
${options.audioFile ? quiet : ''}
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[field2]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 3 BYE
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>`
}

/** A call without credentials: INVITE, 200, ACK, `talkMs` of silence, BYE. */
export const plainCallScenario = (options: { talkMs: number }): string => `${head('plain call')}
${invite(1, '', '[service]', '[media_port]').replaceAll('[field0]', 'sipp')}
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:sipp@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
<pause milliseconds="${options.talkMs}"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:sipp@[remote_ip]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>`

const answerHeaders = `[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]`

/**
 * Answers calls. With `srtp` the answer repeats the offered key: SIPp's RTP echo then returns our own packets, which
 * the box must be able to open again, so audio goes around the whole path through real SRTP.
 */
export const answerScenario = (options: { srtp: boolean }): string => {
  const media = options.srtp
    ? 'm=audio [media_port] RTP/SAVP 8 101\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:[$key]\n'
    : 'm=audio [media_port] RTP/AVP 8 101\n'
  return `${head('answer')}
<recv request="INVITE" crlf="true" rrs="true">${
    options.srtp
      ? `<action>
<ereg regexp="AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/=]+)" search_in="body" check_it="true" assign_to="all,key"/>
</action>`
      : ''
  }</recv>${options.srtp ? '<nop><action><log message="key [$all]"/></action></nop>' : ''}
<send><![CDATA[
SIP/2.0 180 Ringing
${answerHeaders}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
${answerHeaders}
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
Content-Type: application/sdp
Content-Length: [len]

v=0
o=far 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
${media}a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
]]></send>
<recv request="ACK" rrs="true"/>
<recv request="BYE"/>
${ok()}
</scenario>`
}

// The last packets get time to come back before the call ends.
const quiet = '<nop><action><exec rtp_stream="pause"/></action></nop><pause milliseconds="200"/>'

/** The [authentication] keyword of one user, for the injection file. */
export function authenticationField(username: string, password: string): string {
  return `[authentication username=${username} password=${password}]`
}
