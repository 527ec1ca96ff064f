import type { Flow, TransportProtocol } from '#src/engine/transport/transport-port.ts'
import type { MessageTap } from '#src/engine/trace/message-tap.ts'
import type { TracedParty } from '#src/engine/trace/signalling.ts'
import { parseMessage } from '#src/sip/parse-message.ts'

/** Secrets of the sample; none of them may be seen anywhere. */
export const sampleSecrets = [
  '6629fae49393a05397450978507c4ef1',
  '0a4f113b',
  'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz',
  '98765432',
]

let lastFlowId = 0

/** A flow that belongs to no socket. */
export function sampleFlow(
  protocol: TransportProtocol,
  local: { host: string; port: number },
  remote: { host: string; port: number },
): Flow {
  return {
    id: ++lastFlowId,
    protocol,
    localHost: local.host,
    localPort: local.port,
    advertisedHost: local.host,
    advertisedPort: local.port,
    remoteHost: remote.host,
    remotePort: remote.port,
    peerNames: [],
    closed: false,
  }
}

/** One message as text, lines joined, Content-Length right. */
export function sip(lines: string[], body = ''): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  return Buffer.from([...lines, length, '', body].join('\r\n'))
}

/** Writes a message of a dialog. */
export function message(
  start: string,
  dialog: { callId: string; cseq: string; toTag?: string },
  more: string[] = [],
  body = '',
): Buffer {
  return sip(
    [
      start,
      `Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK${dialog.callId}${dialog.cseq.replace(' ', '')}`,
      'From: "Anna Albrecht" <sip:201@branchline>;tag=a1',
      `To: <sip:0301234567@branchline>${dialog.toTag === undefined ? '' : `;tag=${dialog.toTag}`}`,
      `Call-ID: ${dialog.callId}`,
      `CSeq: ${dialog.cseq}`,
      'Max-Forwards: 70',
      'Contact: <sip:201@192.0.2.10:5060>',
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      ...more,
    ],
    body,
  )
}

/** A description with a key, as a phone offers it. */
export const sampleSdp = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.10',
  's=-',
  'c=IN IP4 192.0.2.10',
  't=0 0',
  'm=audio 20000 RTP/SAVP 8 101',
  `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${sampleSecrets[2]}|2^20|1:32`,
  'a=sendrecv',
  '',
].join('\r\n')

const digest =
  `Proxy-Authorization: Digest username="201", realm="branchline", nonce="n1", uri="sip:0301234567@branchline", ` +
  `response="${sampleSecrets[0]}", cnonce="${sampleSecrets[1]}", nc=00000001, qop=auth, algorithm=MD5`

/** Who takes part in the sample. */
export const sampleParties: { anna: TracedParty; teams: TracedParty } = {
  anna: { kind: 'line', id: 'line-1', number: '201', displayName: 'Anna Albrecht' },
  teams: { kind: 'trunk', id: 'teams', number: '+49301234567', displayName: undefined },
}

/** The two flows of the sample. */
export interface SampleFlows {
  phone: Flow
  teams: Flow
}

export function sampleFlows(): SampleFlows {
  return {
    phone: sampleFlow('udp', { host: '192.0.2.1', port: 5060 }, { host: '192.0.2.10', port: 5060 }),
    teams: sampleFlow('tls', { host: '192.0.2.1', port: 45061 }, { host: '198.51.100.7', port: 5061 }),
  }
}

/**
 * Plays a call of a phone to Teams, with a challenge, a retransmitted 180, a key press and its end: 18 messages, four of
 * them on the leg toward Teams. `joined` is called when the call side would join a leg.
 */
export function playSampleCall(
  tap: MessageTap,
  parts: {
    flows: SampleFlows
    joined: (sipCallId: string, party: TracedParty) => void
    pass?: (ms: number) => void
  },
): { messages: number; methods: string[] } {
  const { flows, joined, pass = () => undefined } = parts
  const methods: string[] = []
  const play = (way: 'in' | 'out', flow: Flow, bytes: Buffer): void => {
    pass(12.5)
    const parsed = parseMessage(bytes)
    methods.push(parsed.kind === 'request' ? parsed.method : String(parsed.status))
    if (way === 'in') tap.received(bytes, flow, parsed)
    else tap.sent(bytes, flow, parsed)
  }
  const { phone, teams } = flows
  const a = { callId: 'aaaa@192.0.2.10', cseq: '1 INVITE' }
  const a2 = { callId: a.callId, cseq: '2 INVITE' }
  const b = { callId: 'bbbb@192.0.2.1', cseq: '10 INVITE' }
  const uri = 'sip:0301234567@branchline'
  play('in', phone, message(`INVITE ${uri} SIP/2.0`, a, [], sampleSdp))
  play('out', phone, message('SIP/2.0 407 Proxy Authentication Required', { ...a, toTag: 'x' }))
  play('in', phone, message(`ACK ${uri} SIP/2.0`, { callId: a.callId, cseq: '1 ACK', toTag: 'x' }))
  play('in', phone, message(`INVITE ${uri} SIP/2.0`, a2, [digest], sampleSdp))
  joined(a.callId, sampleParties.anna)
  play('out', phone, message('SIP/2.0 100 Trying', a2))
  play('out', teams, message('INVITE sip:+49301234567@sip.pstnhub.microsoft.com SIP/2.0', b, [], sampleSdp))
  joined(b.callId, sampleParties.teams)
  play('in', teams, message('SIP/2.0 180 Ringing', { ...b, toTag: 't1' }))
  for (let times = 0; times < 3; times++)
    play('out', phone, message('SIP/2.0 180 Ringing', { ...a2, toTag: 'y' }))
  play('in', teams, message('SIP/2.0 200 OK', { ...b, toTag: 't1' }, [], sampleSdp))
  play(
    'out',
    teams,
    message('ACK sip:teams@198.51.100.7 SIP/2.0', { callId: b.callId, cseq: '10 ACK', toTag: 't1' }),
  )
  play('out', phone, message('SIP/2.0 200 OK', { ...a2, toTag: 'y' }, [], sampleSdp))
  play('in', phone, message(`ACK ${uri} SIP/2.0`, { callId: a.callId, cseq: '2 ACK', toTag: 'y' }))
  const info = { callId: a.callId, cseq: '3 INFO', toTag: 'y' }
  const keyPress = ['Content-Type: application/dtmf-relay']
  play('in', phone, sipInfo(uri, info, keyPress))
  play('out', phone, message('SIP/2.0 415 Unsupported Media Type', info))
  play('in', phone, message(`BYE ${uri} SIP/2.0`, { callId: a.callId, cseq: '4 BYE', toTag: 'y' }))
  play('out', phone, message('SIP/2.0 200 OK', { callId: a.callId, cseq: '4 BYE', toTag: 'y' }))
  return { messages: methods.length, methods }
}

function sipInfo(
  uri: string,
  dialog: { callId: string; cseq: string; toTag: string },
  more: string[],
): Buffer {
  const text = message(`INFO ${uri} SIP/2.0`, dialog, more)
    .toString()
    .replace(/Content-Length: 0/, 'Content-Length: 24')
  return Buffer.from(`${text}Signal=7\r\nDuration=160\r\n`)
}
