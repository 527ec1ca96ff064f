import { createRequire } from 'node:module'
import t from 'tap'
import parser from 'drachtio-srf/lib/sip-parser/parser.js'
import SipMessage from 'drachtio-srf/lib/sip-parser/message.js'
import { tuneLibrary } from '#src/pbx/tune-library.ts'

// The library as it comes, before anything is tuned: `parser` is changed in place.
const original = { ...parser }
const OriginalMessage = freshCopy('drachtio-srf/lib/sip-parser/message.js') as typeof SipMessage
tuneLibrary()

function freshCopy(name: string): unknown {
  const require = createRequire(import.meta.url)
  const path = require.resolve(name)
  const parserPath = require.resolve('drachtio-srf/lib/sip-parser/parser.js')
  const kept = [path, parserPath].map((key) => [key, require.cache[key]] as const)
  for (const [key] of kept) Reflect.deleteProperty(require.cache, key)
  const copy: unknown = require(name)
  for (const [key, module] of kept) if (module) require.cache[key] = module
  return copy
}

const invite = [
  'INVITE sip:+4930;npdi@127.0.0.1:5060;transport=udp SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bKa;rport=5061;received=127.0.0.1',
  'Via: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKb',
  'From: "Änne: von" <sip:anna@127.0.0.1>;tag=1',
  'To: <sip:+4930@127.0.0.1>',
  'Call-ID: a:b@c',
  'CSeq: 1 INVITE',
  'Contact: <sip:anna@127.0.0.1:5061>',
  'X-MS-SBC: Branchline/1',
  'P-Asserted-Identity: <sip:x@y>, <tel:+1>',
  'Diversion: <sip:z@y>',
  'P-Called-Party-ID: <sip:q@y>',
  'Content-Type: application/sdp',
]

function message(lines: string[], body = '', length: number | string = Buffer.byteLength(body)): string {
  return [...lines, `Content-Length: ${length}`, '', body].join('\r\n')
}

const messages: Record<string, string> = {
  'a request': message(invite, 'v=0\r\ns=-\r\n'),
  'no body': message(invite),
  'a body with a blank line': message(invite, 'a\r\n\r\nb\r\n'),
  'a body with other letters': message(invite, 'Grüße äöü\r\n'),
  'a body longer than it says': message(invite, 'v=0\r\n', 3),
  'a length that is no number': message(invite, 'v=0\r\n', 'many'),
  'no Content-Length': [...invite, '', 'v=0\r\n'].join('\r\n'),
  'a response': message(['SIP/2.0 200 OK', ...invite.slice(1)]),
  'a response without reason': message(['SIP/2.0 180 ', ...invite.slice(1)]),
  'a response with a long reason': message(['SIP/2.0 488 Not Acceptable Here ', ...invite.slice(1)]),
  'compact names': message(['OPTIONS sip:a SIP/2.0', 'v: SIP/2.0/UDP x', 'f: <sip:a>', 'i: 1', 'm: <sip:b>']),
  'a folded value': message([...invite, 'Subject: one', ' two']),
  'an empty value': message([...invite, 'Subject: ']),
  'no blank behind the colon': message([...invite, 'Subject:x']),
  'blanks before the colon': message([...invite, 'Subject : x']),
  'more blanks': message([...invite, 'Subject:   x  ', 'Organization: \t y']),
  'a name that is no token': message([...invite, 'Bad Name: x']),
  'a line without colon': message([...invite, 'nonsense']),
  'a strange method': message(['X%41Y sip:a SIP/2.0', 'Call-ID: 1']),
  'a strange start': message(['hello', 'Call-ID: 1']),
  'names of object members': message([...invite, 'constructor: x', 'toString: y', 'hasOwnProperty: z']),
  multipart: message(
    [...invite.slice(0, -1), 'Content-Type: multipart/mixed;boundary=b'],
    '--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n',
  ),
  'no header section': 'INVITE sip:a SIP/2.0',
  nothing: '',
}

for (const [name, text] of Object.entries(messages)) {
  t.test(`${name} is read as before`, async (t) => {
    t.strictSame(parser.parseSipMessage(text, true), original.parseSipMessage(text, true))
    t.strictSame(parser.parseSipMessage(text), original.parseSipMessage(text))
  })
}

t.test('fields are found under the same names as before', async (t) => {
  const text = messages['a request'] as string
  const now = new SipMessage(text)
  const before = new OriginalMessage(text)
  t.not(SipMessage, OriginalMessage)
  const names = ['Call-ID', 'call-id', 'i', 'CSEQ', 'X-MS-SBC', 'x-ms-sbc', 'P-Called-Party-ID', 'Diversion']
  for (const name of [...names, 'p-asserted-identity', 'diversion', 'Absent']) {
    t.equal(now.get(name), before.get(name), name)
    t.equal(now.has(name), before.has(name), name)
    t.equal(now.getHeaderName(name), before.getHeaderName(name), name)
    t.equal(parser.getHeaderName(name), original.getHeaderName(name), name)
  }
})
