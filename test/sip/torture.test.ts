import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { parseCSeq } from '#src/sip/cseq.ts'
import { parseDigestCredentials } from '#src/sip/digest.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import type { SipMessage, SipRequest } from '#src/sip/message.ts'
import { parseNameAddr, tagOf, uriOf } from '#src/sip/name-addr.ts'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'
import { parseUri, unescapeUser } from '#src/sip/uri.ts'
import { branchOf, hasMagicCookie, parseVia } from '#src/sip/via.ts'

const folder = new URL('./torture/', import.meta.url)

function read(kind: 'valid' | 'invalid', name: string): Buffer {
  return readFileSync(new URL(`${kind}/${name}.sip`, folder))
}

function namesIn(kind: 'valid' | 'invalid'): string[] {
  return readdirSync(new URL(kind, folder)).map((file) => file.replace('.sip', ''))
}

function value(message: SipMessage, name: string): string {
  return message.headers.get(name) ?? ''
}

function request(message: SipMessage): SipRequest {
  if (message.kind !== 'request') throw new Error('expected a request')
  return message
}

/** What RFC 4475 3 says about each message that a parser has to accept. */
const accepted: Record<string, (t: Test, message: SipMessage) => void> = {
  wsinv(t, message) {
    t.equal(uriOf(value(message, 'To')), 'sip:vivekg@chair-dnrc.example.com')
    t.equal(tagOf(value(message, 'To')), '1918181833n')
    t.match(parseNameAddr(value(message, 'From')), {
      displayName: 'J Rosenberg \\"',
      uri: 'sip:jdrosen@example.com',
    })
    t.equal(tagOf(value(message, 'From')), '98asjd8')
    t.equal(Number(value(message, 'Max-Forwards')), 68)
    t.same(parseCSeq(value(message, 'CSeq')), { number: 9, method: 'INVITE' })
    const vias = message.headers.getAll('Via')
    t.same(
      vias.map((via) => parseVia(via)).map((via) => [via?.transport, via?.host, via?.params.get('branch')]),
      [
        ['UDP', '192.0.2.2', '390skdjuw'],
        ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
        ['UDP', '192.168.255.111', 'z9hG4bK30239'],
      ],
    )
    t.same(vias.map(branchOf), ['390skdjuw', 'z9hG4bK9ikj8', 'z9hG4bK30239'])
    t.equal(message.headers.get('Subject'), '')
    t.equal(message.headers.get('NewFangledHeader'), 'newfangled value continued newfangled value')
    t.equal(message.headers.get('UnknownHeaderWithUnusualValue'), ';;,,;;,;')
    const contact = parseNameAddr(value(message, 'Contact'))
    t.equal(contact?.displayName, 'Quoted string ""')
    t.same(
      [...(contact?.params ?? [])],
      [
        ['newparam', 'newvalue'],
        ['secondparam', undefined],
        ['q', '0.33'],
      ],
    )
    const route = parseUri(uriOf(value(message, 'Route')) ?? '')
    t.ok(route?.params.has('lr'))
    t.equal(route?.params.get('unknownwith'), 'value')
    t.equal(message.body.length, 150)
  },
  intmeth(t, message) {
    const { method, uri } = request(message)
    t.equal(method, "!interesting-Method0123456789_*+`.%indeed'~")
    t.match(parseUri(uri), {
      user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
      password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      host: 'example.com',
    })
    t.equal(parseNameAddr(value(message, 'To'))?.displayName, 'BEL:\x07 NUL:\0 DEL:\x7f')
    const from = parseNameAddr(value(message, 'From'))
    t.equal(from?.displayName, "token1~` token2'+_ token3*%!.-")
    t.equal(from?.params.get("fromparam''~+*_!.-%"), '"работающий"')
    t.equal(tagOf(value(message, 'From')), "_token~1'+`*%!-.")
    t.equal(value(message, 'Call-ID'), 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{')
    t.equal(message.headers.get("extensionHeader-!.%*+_`'~"), '\ufeff大停電')
  },
  esc01(t, message) {
    t.equal(parseUri(request(message).uri)?.user, 'sips%3Auser%40example.com')
    t.equal(unescapeUser(parseUri(uriOf(value(message, 'To')) ?? '')?.user ?? ''), 'user')
    const contact = parseUri(uriOf(value(message, 'Contact')) ?? '')
    t.equal(contact?.params.get('n%61me'), 'v%61lue%25%34%31')
  },
  escnull(t, message) {
    t.equal(message.headers.getAll('Contact').length, 2)
    t.equal(unescapeUser(parseUri(uriOf(value(message, 'To')) ?? '')?.user ?? ''), 'null-\0-null')
  },
  esc02(t, message) {
    t.equal(request(message).method, 'RE%47IST%45R')
    t.equal(parseNameAddr(value(message, 'To'))?.displayName, '%Z%45')
    t.equal(message.headers.getAll('Contact').length, 2)
    t.equal(message.headers.get('C%6Fntact'), '<sip:alias2@host2.example.com>')
  },
  lwsdisp(t, message) {
    t.match(parseNameAddr(value(message, 'From')), { displayName: 'caller', uri: 'sip:caller@example.com' })
  },
  longreq(t, message) {
    t.equal(message.headers.getAll('Via').length, 34)
    t.equal(parseUri(uriOf(value(message, 'To')) ?? '')?.port, 6000)
    t.match(tagOf(value(message, 'From')), /^12982.*424$/)
    t.equal(message.body.length, 150)
  },
  dblreq(t, message) {
    t.equal(request(message).method, 'REGISTER')
    t.equal(message.body.length, 0, 'what follows Content-Length is cut off')
  },
  semiuri(t, message) {
    t.equal(unescapeUser(parseUri(request(message).uri)?.user ?? ''), 'user;par=u@example.net')
    t.match(value(message, 'Accept'), /multipart\/mixed, multipart\/signed, message\/sip, message\/sipfrag$/)
  },
  transports(t, message) {
    const transports = message.headers.getAll('Via').map((via) => parseVia(via)?.transport)
    t.same(transports, ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'])
  },
  unreason(t, message) {
    t.match(message, {
      kind: 'response',
      status: 200,
      reason: '= 2**3 * 5**2 но сто девяносто девять - простое',
    })
    t.equal(message.body.length, 154)
  },
  noreason: (t, message) => t.match(message, { kind: 'response', status: 100, reason: '' }),
  badbranch: (t, message) => t.notOk(hasMagicCookie(branchOf(value(message, 'Via')) ?? '')),
  escruri: (t, message) => t.equal(parseUri(request(message).uri)?.headers, 'Route=%3Csip:example.com%3E'),
  baddate: (t, message) => t.equal(message.headers.get('Date'), 'Fri, 01 Jan 2010 16:00:00 EST'),
  // The registrar has to refuse it: a URI with a question mark needs brackets.
  regbadct: (t, message) => t.equal(parseNameAddr(value(message, 'Contact')), undefined),
  badaspec: (t, message) => t.equal(uriOf(value(message, 'To')), 'sip:t.watson@example.org'),
  baddn: (t, message) => t.equal(tagOf(value(message, 'From')), '43'),
  unkscm: (t, message) => t.equal(parseUri(request(message).uri), undefined),
  novelsc: (t, message) => t.equal(parseUri(request(message).uri), undefined),
  unksm2(t, message) {
    t.equal(uriOf(value(message, 'To')), 'isbn:2983792873')
    t.equal(parseUri(uriOf(value(message, 'Contact')) ?? ''), undefined)
  },
  bext01: (t, message) =>
    t.equal(message.headers.get('Require'), 'nothingSupportsThis, nothingSupportsThisEither'),
  invut: (t, message) => t.equal(message.body.length, 40),
  regaut01: (t, message) => t.equal(parseDigestCredentials(value(message, 'Authorization')), undefined),
  bcast: (t, message) => t.equal(parseVia(message.headers.getAll('Via')[1] ?? '')?.host, '255.255.255.255'),
  zeromf: (t, message) => t.equal(message.headers.get('Max-Forwards'), '0'),
  cparam01(t, message) {
    const contact = parseNameAddr(value(message, 'Contact'))
    t.ok(contact?.params.has('unknownparam'), 'a parameter of the field')
    t.notOk(parseUri(contact?.uri ?? '')?.params.has('unknownparam'))
  },
  cparam02(t, message) {
    const contact = parseNameAddr(value(message, 'Contact'))
    t.notOk(contact?.params.has('unknownparam'))
    t.ok(parseUri(contact?.uri ?? '')?.params.has('unknownparam'), 'a parameter of the URI')
  },
  regescrt: (t, message) => t.ok(parseUri(uriOf(value(message, 'Contact')) ?? '')?.headers),
  sdp01: (t, message) => t.equal(message.headers.get('Accept'), 'text/nobodyKnowsThis'),
  inv2543(t, message) {
    t.equal(tagOf(value(message, 'From')), undefined)
    t.match(message.body.toString(), /m=audio 49217 RTP\/AVP 0\r\n$/, 'without Content-Length to the end')
  },
}

/** Status to answer with, and whether enough stands to answer at all. */
const refused: Record<string, { status: number; answerable: boolean; reason: RegExp }> = {
  badinv01: { status: 400, answerable: true, reason: /Via/ },
  clerr: { status: 400, answerable: true, reason: /Shorter/ },
  ncl: { status: 400, answerable: true, reason: /Content-Length/ },
  scalar02: { status: 400, answerable: true, reason: /CSeq/ },
  scalarlg: { status: 400, answerable: false, reason: /CSeq/ },
  quotbal: { status: 400, answerable: true, reason: /To/ },
  ltgtruri: { status: 400, answerable: true, reason: /Request-URI/ },
  lwsruri: { status: 400, answerable: true, reason: /Request-URI/ },
  lwsstart: { status: 400, answerable: true, reason: /Request-URI/ },
  trws: { status: 400, answerable: true, reason: /Request-Line/ },
  badvers: { status: 505, answerable: true, reason: /Version/ },
  mismatch01: { status: 400, answerable: true, reason: /CSeq/ },
  mismatch02: { status: 400, answerable: true, reason: /CSeq/ },
  bigcode: { status: 400, answerable: false, reason: /Status-Line/ },
  insuf: { status: 400, answerable: false, reason: /Missing/ },
  multi01: { status: 400, answerable: true, reason: /More Than One/ },
  mcl01: { status: 400, answerable: true, reason: /Content-Length/ },
}

void t.test('every valid message of RFC 4475 is read as the RFC says', (t) => {
  t.same(namesIn('valid').sort(), Object.keys(accepted).sort(), 'each file has its expectation')
  for (const [name, check] of Object.entries(accepted)) {
    void t.test(name, (t) => {
      const message = parseMessage(read('valid', name))
      check(t, message)
      const again = parseMessage(formatMessage(message))
      t.same(again.headers.flat, message.headers.flat, 'survives being written and read again')
      t.ok(again.body.equals(message.body))
      t.end()
    })
  }
  t.end()
})

void t.test('every invalid message of RFC 4475 is refused with its status', (t) => {
  t.same(namesIn('invalid').sort(), Object.keys(refused).sort(), 'each file has its expectation')
  for (const [name, expected] of Object.entries(refused)) {
    void t.test(name, (t) => {
      let error: unknown
      try {
        parseMessage(read('invalid', name))
      } catch (thrown) {
        error = thrown
      }
      if (!(error instanceof SipParseError)) {
        t.fail('was accepted')
        t.end()
        return
      }
      t.equal(error.status, expected.status)
      t.match(error.reason, expected.reason)
      t.equal(error.partial !== undefined, expected.answerable)
      if (error.partial) {
        for (const header of ['Via', 'From', 'To', 'Call-ID', 'CSeq'])
          t.ok(error.partial.headers.has(header), header)
      }
      t.end()
    })
  }
  t.end()
})
