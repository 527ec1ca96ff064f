import t from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import { SipHeaders } from '#src/sip/message.ts'
import { formatNameAddr, withTag } from '#src/sip/name-addr.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import { formatDigestChallenge } from '#src/sip/digest.ts'
import { escapeUser } from '#src/sip/uri.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { RawPeer, sdp, toTagOf } from '../engine/support/raw-peer.ts'

/** Whatever tries to begin a line of its own. */
const breaks = ['\r\n', '\n', '\r', '\r\n ', '\r\n\t', '\n\n', '\r\r\n', '\r\n\r\n']
const evil = 'Evil: yes'

function namesOf(bytes: Buffer): string[] {
  return bytes
    .toString('latin1')
    .split(/\r\n|\r|\n/)
    .map((line) => line.split(':')[0] ?? '')
}

void t.test('no value that we write can begin a field or a message', async (t) => {
  for (const line of breaks) {
    const text = `x${line}${evil}`
    const message = {
      headers: new SipHeaders([
        ...['Via', 'SIP/2.0/UDP h', 'From', formatNameAddr({ displayName: text, uri: 'sip:a@b' })],
        ...['To', withTag('<sip:a@b>', text), 'Call-ID', text, 'CSeq', '1 INVITE', 'Subject', text],
        ...[
          'WWW-Authenticate',
          formatDigestChallenge({ realm: text, nonce: text, algorithm: 'MD5', qopAuth: true }),
        ],
      ]),
      body: Buffer.alloc(0),
    }
    for (const bytes of [
      formatMessage({ kind: 'response', status: 400, reason: text, ...message }),
      formatMessage({ kind: 'request', method: 'INVITE', uri: `sip:${text}@b`, ...message }),
    ]) {
      t.notOk(namesOf(bytes).includes('Evil'), JSON.stringify(line))
      t.equal(bytes.indexOf('\r\n\r\n'), bytes.length - 4, 'one message and no second one')
    }
  }
  t.equal(escapeUser('a\r\nEvil: b@c;d'), 'a%0D%0AEvil%3A%20b%40c;d')
})

void t.test('escapes and overlong forms stay what they are', async (t) => {
  const head = (uri: string, extra: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from(
        `OPTIONS ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n`,
      ),
      Buffer.from('To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nSubject: '),
      extra,
      Buffer.from('\r\n\r\n'),
    ])
  const escaped = parseMessage(head('sip:a%0D%0AEvil:%20b@h', Buffer.from('%0d%0aEvil: yes')))
  t.equal(escaped.headers.get('Subject'), '%0d%0aEvil: yes')
  t.notOk(namesOf(formatMessage(escaped)).includes('Evil'))
  // C0 8D C0 8A would be CR LF to a decoder that takes overlong forms.
  const overlong = parseMessage(
    head('sip:a@b', Buffer.from([0x78, 0xc0, 0x8d, 0xc0, 0x8a, 0x45, 0x3a, 0x79])),
  )
  t.equal(overlong.headers.get('Subject'), 'xÀ\x8dÀ\x8aE:y')
  t.notOk(namesOf(formatMessage(overlong)).includes('E'))
  const nul = Buffer.from('a\0b')
  t.throws(() => parseMessage(head('sip:a@b', nul)), /NUL/)
})

void t.test('what an application echoes of a caller begins no line', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  srf.use('message', (req, res) => {
    const subject = req.get('Subject')
    res.send(486, subject, { headers: { 'X-Echo': subject, Subject: req.get('From') } })
  })
  const peer = await RawPeer.open(t, udpPort)
  for (const [index, subject] of [
    `a\r\n ${evil}`,
    `a\r\n\t\r\n ${evil}`,
    `a%0D%0A${evil}`,
    `a\\\r\n ${evil}`,
  ].entries()) {
    peer.send(peer.request('MESSAGE', { callId: `echo-${index}`, extra: [`Subject: ${subject}`] }))
    const answer = await peer.nextResponse()
    t.equal(answer.status, 486, JSON.stringify(subject))
    t.match(answer.headers.get('X-Echo'), /yes/)
    t.notOk(answer.headers.has('Evil'))
  }
})

void t.test('separators of the application protocol in Call-ID and tag lead nobody astray', async (t) => {
  const { srf, udpPort, engine } = await startTestEngine(t)
  const ended = new Promise<void>((resolve) => {
    srf.use('invite', (req, res) => {
      void srf.createUAS(req, res, { localSdp: sdp }).then((dialog) => dialog.on('destroy', () => resolve()))
    })
  })
  const peer = await RawPeer.open(t, udpPort)
  const call = { callId: 'a|b;from-tag=c|sip|network', fromTag: 'f|g', branch: 'z9hG4bKpipe' }
  peer.send(peer.request('INVITE', call), sdp)
  const accepted = await peer.nextResponse(200)
  const inside = { callId: call.callId, fromTag: call.fromTag, toTag: toTagOf(accepted) }
  peer.send(peer.request('ACK', inside))
  peer.send(peer.request('BYE', { ...inside, sequence: 2 }))
  const bye = await peer.next(
    (message) => message.kind === 'response' && message.headers.get('CSeq') === '2 BYE',
  )
  t.match(bye, { status: 200 })
  await ended
  t.equal(engine.counters()['dialogsAlive'], 0)
})
