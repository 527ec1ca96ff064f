import t from 'tap'
import { SipHeaders } from '#src/sip/message.ts'
import { messageText, parseApplicationMessage } from '#src/engine/wire/message-text.ts'

void t.test('reads what the library writes: lower-case names, wrong Content-Length, no Via', async (t) => {
  const message = parseApplicationMessage(
    'SIP/2.0 200 OK\r\ncall-id: c\r\nwww-authenticate: Digest realm="a"\r\nX-My-Header: 1\r\ncontent-length: 1\r\n\r\nv=0 ☎',
  )
  t.ok(message)
  t.same(message?.headers.flat, ['Call-ID', 'c', 'WWW-Authenticate', 'Digest realm="a"', 'X-My-Header', '1'])
  t.equal(message?.body.toString(), 'v=0 ☎')
})

void t.test('splits Contact, keeps other comma lists, unfolds, drops impossible names', async (t) => {
  const message = parseApplicationMessage(
    'REGISTER sip:x SIP/2.0\r\ncontact: <sip:a@b>,<sip:c@d>\r\nallow: INVITE, ACK\r\nbad name: 1\r\n' +
      'subject: one\r\n two\r\n\r\n',
  )
  t.same(message?.headers.getAll('Contact'), ['<sip:a@b>', '<sip:c@d>'])
  t.equal(message?.headers.get('Allow'), 'INVITE, ACK')
  t.equal(message?.headers.get('Subject'), 'one two')
  t.equal(message?.headers.flat.length, 8)
})

void t.test('a value cannot write header fields of its own', async (t) => {
  const message = parseApplicationMessage('OPTIONS sip:x SIP/2.0\r\nsubject: a\nVia: evil\r\n\r\n')
  t.equal(message?.headers.get('Subject'), 'a Via: evil')
  t.equal(message?.headers.get('Via'), undefined)
})

void t.test('what is no message is none', async (t) => {
  const bad = ['', 'nonsense', 'SIP/2.0 999 x', 'INVITE sip:a', 'INVITE sip:a b SIP/2.0', 'SIP/2.0 20 OK']
  for (const text of bad) t.equal(parseApplicationMessage(text), undefined, JSON.stringify(text))
})

void t.test('writes Content-Length in bytes', async (t) => {
  const text = messageText({
    kind: 'response',
    status: 200,
    reason: 'OK',
    headers: new SipHeaders(['To', 'x']),
    body: Buffer.from('☎'),
  })
  t.equal(text, 'SIP/2.0 200 OK\r\nTo: x\r\nContent-Length: 3\r\n\r\n☎')
})

void t.test('a body that is no UTF-8 text is withheld, or loses letters; either is said', async (t) => {
  const table: [type: string, rest: string, outcome: string, length: number][] = [
    ['application/sdp', 'v=0\r\ns=K\ufffdln\r\n', 'changed', 15],
    ['multipart/mixed;boundary=b', 'v=0\r\ns=K\ufffdln\r\n', 'changed', 15],
    ['application/isup', '', 'withheld', 0],
  ]
  const body = Buffer.from('v=0\r\ns=K\u00f6ln\r\n', 'latin1')
  for (const [type, rest, outcome, length] of table) {
    const text = messageText({
      kind: 'response',
      status: 200,
      reason: 'OK',
      headers: new SipHeaders(['Content-Type', type]),
      body,
    })
    t.equal(
      text,
      `SIP/2.0 200 OK\r\nContent-Type: ${type}\r\n` +
        `Warning: 399 engine "a body of 13 bytes is no UTF-8 text: ${outcome}"\r\nContent-Length: ${length}\r\n\r\n${rest}`,
    )
  }
  t.equal(table.length, 3)
})
