// Pieces of SIPp scenarios, so that a test reads as the ladder it plays.

const head = `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="steps">\n`

const sdpBody = `v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 4000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
`

/** A scenario of these steps. */
export function scenario(...steps: string[]): string {
  return `${head}${steps.join('\n')}\n</scenario>`
}

/** What a request of SIPp is made of. */
export interface Sent {
  cseq: number
  /** Goes along the dialog; else to the engine with no tag. */
  inside?: boolean
  extra?: string[]
  sdp?: boolean
  text?: string
  /** Via branch; else a new one. */
  branch?: string
}

/** SIPp sends a request and repeats it until something comes. */
export function send(method: string, { cseq, inside, extra = [], sdp, text, branch }: Sent): string {
  const type = sdp
    ? ['Content-Type: application/sdp']
    : text === undefined
      ? []
      : ['Content-Type: text/plain']
  const lines = [
    `${method} ${inside ? '[next_url]' : 'sip:bob@[remote_ip]:[remote_port]'} SIP/2.0`,
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${branch ?? '[branch]'}`,
    'Max-Forwards: 70',
    'From: <sip:alice@[local_ip]>;tag=[pid]t[call_number]',
    `To: <sip:bob@[remote_ip]>${inside ? '[peer_tag_param]' : ''}`,
    'Call-ID: [call_id]',
    `CSeq: ${cseq} ${method}`,
    'Contact: <sip:alice@[local_ip]:[local_port]>',
    ...extra,
    ...type,
    'Content-Length: [len]',
  ]
  const repeated = method === 'ACK' || method === 'CANCEL' ? '' : ' retrans="500"'
  return `<send${repeated}><![CDATA[\n${lines.join('\n')}\n\n${sdp ? sdpBody : (text ?? '')}]]></send>`
}

/** SIPp waits for a response; provisional ones before it may come or not. */
export function receive(status: number, attributes = ''): string {
  const before =
    status >= 200 ? [100, 180, 183].map((code) => `<recv response="${code}" optional="true"/>`) : []
  return [...before, `<recv response="${status}" ${attributes}/>`].join('\n')
}

/** SIPp waits for a request. */
export function expect(method: string, attributes = ''): string {
  return `<recv request="${method}" ${attributes}/>`
}

/** SIPp answers the last request. */
export function answer(status: number, reason: string, extra: string[] = [], sdp = false): string {
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    '[last_Via:]',
    '[last_Record-Route:]',
    '[last_From:]',
    `[last_To:];tag=[pid]a[call_number]`,
    '[last_Call-ID:]',
    '[last_CSeq:]',
    ...(extra.some((line) => line.startsWith('Contact:'))
      ? []
      : ['Contact: <sip:bob@[local_ip]:[local_port]>']),
    ...extra,
    ...(sdp ? ['Content-Type: application/sdp'] : []),
    'Content-Length: [len]',
  ]
  return `<send><![CDATA[\n${lines.join('\n')}\n\n${sdp ? sdpBody : ''}]]></send>`
}

/** The same inside a dialog, where To has its tag already. */
export function answerInside(status: number, reason: string, extra: string[] = [], sdp = false): string {
  return answer(status, reason, extra, sdp).replace(';tag=[pid]a[call_number]', '')
}

/** SIPp waits. */
export function pause(ms: number): string {
  return `<pause milliseconds="${ms}"/>`
}
