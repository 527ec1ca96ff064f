import t from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import { SipHeaders, type SipMessage } from '#src/sip/message.ts'
import { parseMessage } from '#src/sip/parse-message.ts'

const message = (fields: string[], body: string, uri = 'sip:a@example.org'): SipMessage => ({
  kind: 'request',
  method: 'INVITE',
  uri,
  headers: new SipHeaders(fields),
  body: Buffer.from(body),
})

/** The same by joining texts: breaks in a value become a blank, Content-Length is counted. */
function written({ headers, body, ...start }: SipMessage): Buffer {
  const oneLine = (text: string): string => text.replace(/[\r\n]+[ \t]*/g, ' ')
  const lines = [
    start.kind === 'request'
      ? `${start.method} ${oneLine(start.uri)} SIP/2.0`
      : `SIP/2.0 ${start.status} ${oneLine(start.reason)}`,
  ]
  for (let at = 0; at < headers.flat.length; at += 2) {
    if (headers.flat[at] !== 'Content-Length')
      lines.push(`${headers.flat[at]}: ${oneLine(headers.flat[at + 1] as string)}`)
  }
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n`), body])
}

const base = [
  'Via',
  'SIP/2.0/UDP h;branch=z9hG4bK1',
  'From',
  '<sip:a@b>;tag=1',
  'To',
  '<sip:b@b>',
  'Call-ID',
  'x',
  'CSeq',
  '1 INVITE',
]

t.test('whatever stands in a message, its bytes are those of its text', async (t) => {
  const cases: [string, SipMessage][] = [
    ['plain', message(base, '')],
    ['a body', message(base, 'v=0\r\n')],
    ['a body of bytes', { ...message(base, ''), body: Buffer.from([0, 255, 13, 10]) }],
    ['letters beyond ASCII', message([...base, 'Subject', 'Grüße ☎ 📞'], 'schön')],
    ['beyond ASCII in the URI', message(base, '', 'sip:jürgen@example.org')],
    ['a line break in a value', message([...base, 'X-A', 'one\r\n two\nthree\rfour'], '')],
    ['a break in the URI', message(base, '', 'sip:a\r\nX-Evil: 1')],
    ['a Content-Length of its own', message([...base, 'Content-Length', '999'], 'abc')],
    ['no fields', message([], '')],
    ['an empty value', message([...base, 'Supported', ''], '')],
    [
      'a response',
      { kind: 'response', status: 200, reason: 'OK', headers: new SipHeaders(base), body: Buffer.alloc(0) },
    ],
    [
      'a reason beyond ASCII',
      {
        kind: 'response',
        status: 486,
        reason: 'Besetzt, tschüß',
        headers: new SipHeaders(base),
        body: Buffer.alloc(0),
      },
    ],
    ['a long body', message(base, 'x'.repeat(60_000))],
  ]
  // Just below, at and above what is put together in one place.
  for (let length = 8_000; length < 8_300; length += 7) {
    cases.push([`a field of ${length}`, message([...base, 'X-Long', 'y'.repeat(length)], 'z')])
  }
  cases.push([
    'many fields',
    message([...base, ...Array.from({ length: 2_000 }, (_, at) => (at % 2 ? `value ${at}` : `X-${at}`))], ''),
  ])
  for (const [name, one] of cases) t.same(formatMessage(one), written(one), name)
})

t.test('a message that was written is not changed by the next one', async (t) => {
  const first = formatMessage(message(base, 'first'))
  const copy = Buffer.from(first)
  for (let count = 0; count < 1_000; count++)
    formatMessage(message([...base, 'X-Count', String(count)], 'other'))
  t.same(first, copy)
  t.same(parseMessage(first).headers.get('Call-ID'), 'x')
})
