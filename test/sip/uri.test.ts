import t from 'tap'
import { escapeUser, formatUri, parseUri, unescapeUser, uriEquals } from '#src/sip/uri.ts'

void t.test('URIs are read and written back', (t) => {
  const table = [
    'sip:example.com',
    'sip:alice@example.com',
    'sip:alice:secret@example.com:5070;transport=tls;lr?Subject=x&To=y',
    'sips:+4930123@sbc.example.org;user=phone',
    'sip:user;par=u%40x@[2001:db8::1]:5060;maddr=224.0.1.75',
    'sip:192.0.2.1:5062',
    'tel:+49-30-123456;phone-context=example.com',
    'tel:*31%23'.replace('%23', '#'),
  ]
  for (const text of table) {
    const uri = parseUri(text)
    t.ok(uri, text)
    if (uri) t.equal(formatUri(uri), text)
  }
  t.match(parseUri('SIP:Bob@EXAMPLE.com'), { scheme: 'sip', user: 'Bob', host: 'example.com' })
  t.end()
})

void t.test('what is no SIP, SIPS or tel URI is undefined', (t) => {
  const table = [
    '',
    'sip:',
    'sip:@example.com',
    'sip:a@',
    'sip:a@b:70000',
    'sip:a@b:x',
    'sip:a@b:',
    'sip:a@[::1',
    'sip:a@[nonsense]',
    'sip:a b@c',
    'sip:a@b c',
    'sip:a@-b',
    'sip:a%4@b',
    'sip:a@b;x=1;x=2',
    'sip:a@b;=1',
    '<sip:a@b>',
    'sip:a@b\r\nX: y',
    'http://example.com',
    'tel:',
    'tel:+',
    'tel:abc xyz',
  ]
  for (const text of table) t.equal(parseUri(text), undefined, JSON.stringify(text))
  t.end()
})

// The pairs of RFC 3261 19.1.4, then ours.
const equal: [string, string][] = [
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
  ['sip:biloxi.com;transport=tcp;method=REGISTER', 'sip:biloxi.com;method=REGISTER;transport=tcp'],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
  ['tel:+49-30-12', 'tel:+493012'],
]
const different: [string, string][] = [
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
  ['sip:a@b', 'sips:a@b'],
  ['sip:a%3Bb@c', 'sip:a;b@c'],
  ['sip:b', 'sip:a@b'],
  ['tel:+1', 'tel:+1;phone-context=x'],
]

void t.test('URIs are compared as RFC 3261 19.1.4 says', (t) => {
  const pair = ([first, second]: [string, string]) => [parseUri(first), parseUri(second)] as const
  for (const texts of equal) {
    const [first, second] = pair(texts)
    t.ok(first && second && uriEquals(first, second) && uriEquals(second, first), texts.join(' = '))
  }
  for (const texts of different) {
    const [first, second] = pair(texts)
    t.notOk(!first || !second || uriEquals(first, second) || uriEquals(second, first), texts.join(' ≠ '))
  }
  t.end()
})

void t.test('a user part is escaped so that it is one user part again', (t) => {
  for (const user of ['*55*1#', 'a@b', 'ü ö', 'x:y', '%', '+49']) {
    const uri = parseUri(`sip:${escapeUser(user)}@example.com`)
    t.equal(unescapeUser(uri?.user ?? ''), user)
  }
  t.equal(unescapeUser('100%'), '100%')
  t.end()
})
