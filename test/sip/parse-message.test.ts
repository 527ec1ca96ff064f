import t from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import { SipHeaders } from '#src/sip/message.ts'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'

const via = 'Via: SIP/2.0/UDP a;branch=z9hG4bK1'
const head = [via, 'From: <sip:a@b>;tag=1', 'To: <sip:c@d>', 'Call-ID: x', 'CSeq: 1 OPTIONS']

function options(...more: string[]): Buffer {
  return Buffer.from(['OPTIONS sip:c@d SIP/2.0', ...head, ...more, '', ''].join('\r\n'), 'utf8')
}

function errorOf(bytes: Buffer, maxHeaderBytes = 65_536): SipParseError {
  try {
    parseMessage(bytes, { maxHeaderBytes })
  } catch (error) {
    if (error instanceof SipParseError) return error
    throw error
  }
  throw new Error('was accepted')
}

void t.test('the four list fields are split, all others stay whole', (t) => {
  const { headers } = parseMessage(
    options(
      'Contact: "a, b" <sip:a,b@c>, <sip:d>',
      'Route: <sip:r1>,<sip:r2>',
      'Record-Route: <sip:s1> , <sip:s2>',
      'Allow: A, B',
    ),
  )
  t.same(headers.getAll('Contact'), ['"a, b" <sip:a,b@c>', '<sip:d>'])
  t.same(headers.getAll('Route'), ['<sip:r1>', '<sip:r2>'])
  t.same(headers.getAll('Record-Route'), ['<sip:s1>', '<sip:s2>'])
  t.same(headers.getAll('Allow'), ['A, B'])
  t.end()
})

void t.test('Content-Length counts on UDP too, and is never stored', (t) => {
  const longer = Buffer.concat([options('Content-Length: 3'), Buffer.from('abcdef')])
  t.equal(parseMessage(longer).body.toString(), 'abc')
  t.notOk(parseMessage(longer).headers.has('Content-Length'))
  const shorter = Buffer.concat([options('l: 9'), Buffer.from('abc')])
  t.match(errorOf(shorter), { status: 400, partial: { method: 'OPTIONS' } })
  const none = Buffer.concat([options(), Buffer.from('abc')])
  t.equal(parseMessage(none).body.toString(), 'abc')
  t.end()
})

void t.test('bodies keep their bytes', (t) => {
  const body = Buffer.from([0, 13, 10, 13, 10, 0xff, 0xc3, 0x28, 0])
  const message = parseMessage(Buffer.concat([options(`Content-Length: ${body.length}`), body]))
  t.ok(message.body.equals(body))
  t.ok(parseMessage(formatMessage(message)).body.equals(body))
  t.end()
})

void t.test('names in UTF-8 and, from old phones, in ISO 8859-1', (t) => {
  const utf8 = parseMessage(options('Subject: Grüße 大'))
  t.equal(utf8.headers.get('Subject'), 'Grüße 大')
  const latin1 = Buffer.from(options('Subject: Grüße').toString('utf8'), 'latin1')
  t.equal(parseMessage(latin1).headers.get('Subject'), 'Grüße')
  t.equal(parseMessage(formatMessage(utf8)).headers.get('Subject'), 'Grüße 大')
  t.end()
})

void t.test('empty lines before the start line are skipped', (t) => {
  t.equal(parseMessage(Buffer.concat([Buffer.from('\r\n\r\n\r\n'), options()])).kind, 'request')
  t.end()
})

void t.test('header sections that are not sound get a 400 that can be answered', (t) => {
  const table: [string, Buffer][] = [
    ['no colon', options('nonsense')],
    ['bad name', options('a b: c')],
    ['bare LF', options('X: a\nInjected: b')],
    ['bare CR', options('X: a\rInjected: b')],
    ['NUL', options('X: a\0b')],
    ['Max-Forwards', options('Max-Forwards: 256')],
    ['second From', options('f: <sip:x@y>')],
    ['no end', options().subarray(0, -2)],
    ['open quote in Contact', options('Contact: "a <sip:b>')],
  ]
  for (const [name, bytes] of table) {
    const error = errorOf(bytes)
    t.equal(error.status, 400, name)
    t.ok(error.partial, name)
    t.notOk(error.partial?.headers.has('Injected'), name)
  }
  t.end()
})

void t.test('a request that lacks what an answer needs has no partial', (t) => {
  for (const missing of head) {
    const rest = head.filter((line) => line !== missing)
    const error = errorOf(Buffer.from(['OPTIONS sip:c@d SIP/2.0', ...rest, '', ''].join('\r\n')))
    t.equal(error.status, 400)
    t.equal(error.partial, undefined, missing)
  }
  t.end()
})

void t.test('a header section over the limit is 513', (t) => {
  const error = errorOf(options(`X: ${'x'.repeat(3000)}`), 2000)
  t.equal(error.status, 513)
  t.ok(error.partial, 'what came before the limit is enough to answer')
  t.end()
})

void t.test('nothing at all, or no SIP, is refused', (t) => {
  for (const text of [
    '',
    '\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'SIP/2.0',
    'SIP/2.0 200 OK\r\n\r\n',
    '\0\0\0\0',
    'A',
  ]) {
    t.equal(errorOf(Buffer.from(text)).status, 400, JSON.stringify(text))
  }
  t.end()
})

void t.test('a line break in a value cannot write a header field', (t) => {
  const message = parseMessage(options())
  message.headers.append('X-Note', 'a\r\nEvil: yes\r\n\r\nbody')
  const again = parseMessage(formatMessage(message))
  t.equal(again.headers.get('X-Note'), 'a Evil: yes body')
  t.notOk(again.headers.has('Evil'))
  const response = {
    kind: 'response' as const,
    status: 400,
    reason: 'x\r\nEvil: yes',
    headers: message.headers,
    body: Buffer.alloc(0),
  }
  t.notOk(parseMessage(formatMessage(response)).headers.has('Evil'))
  t.end()
})

void t.test('Content-Length is counted in bytes whatever the headers say', (t) => {
  const headers = new SipHeaders(['Content-Length', '99', 'Via', 'SIP/2.0/UDP a'])
  const text = formatMessage({
    kind: 'request',
    method: 'X',
    uri: 'sip:a',
    headers,
    body: Buffer.from('ü'),
  }).toString()
  t.equal(text, 'X sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nContent-Length: 2\r\n\r\nü')
  t.end()
})
