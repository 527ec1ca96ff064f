import { parseDigestCredentials } from '#src/sip/digest.ts'
import { parseNameAddr, tagOf, uriOf } from '#src/sip/name-addr.ts'
import { parseUri } from '#src/sip/uri.ts'
import { branchOf, hasMagicCookie, parseVia } from '#src/sip/via.ts'
import { calls, dropped, refusal, request, served, value, type TortureCase } from './torture-case.ts'

const cases: Omit<TortureCase, 'rfc'>[] = [
  {
    name: 'badbranch',
    section: '3.2.1',
    // The cookie and nothing behind it: matched like the branch of an RFC 2543 peer.
    accepted: (t, message) => t.notOk(hasMagicCookie(branchOf(value(message, 'Via')) ?? '')),
    udp: served('OPTIONS'),
  },
  {
    name: 'insuf',
    section: '3.3.1',
    // Without From, To and Call-ID an answer could not be told from any other, so there is none.
    refused: { status: 400, answerable: false, reason: /Missing/ },
    udp: dropped,
  },
  {
    name: 'unkscm',
    section: '3.3.2',
    accepted: (t, message) => t.equal(parseUri(request(message).uri), undefined),
    udp: refusal(416),
  },
  {
    name: 'novelsc',
    section: '3.3.3',
    accepted: (t, message) => t.equal(parseUri(request(message).uri), undefined),
    udp: refusal(416),
  },
  {
    name: 'unksm2',
    section: '3.3.4',
    // Who may register isbn: is the registrar's to say.
    accepted(t, message) {
      t.equal(uriOf(value(message, 'To')), 'isbn:2983792873')
      t.equal(parseUri(uriOf(value(message, 'Contact')) ?? ''), undefined)
    },
    udp: served('REGISTER'),
  },
  {
    name: 'bext01',
    section: '3.3.5',
    // 420 is the application's answer: which extensions there are is known to it alone (RFC 3261 8.2.2.3).
    accepted: (t, message) =>
      t.equal(message.headers.get('Require'), 'nothingSupportsThis, nothingSupportsThisEither'),
    udp: served('OPTIONS'),
  },
  {
    name: 'invut',
    section: '3.3.6',
    accepted(t, message) {
      t.equal(message.headers.get('Content-Type'), 'application/unknownformat')
      t.equal(message.body.length, 40)
    },
    udp: calls,
  },
  {
    name: 'regaut01',
    section: '3.3.7',
    accepted: (t, message) => t.equal(parseDigestCredentials(value(message, 'Authorization')), undefined),
    udp: served('REGISTER'),
  },
  {
    name: 'multi01',
    section: '3.3.8',
    refused: { status: 400, answerable: true, reason: /More Than One/ },
    udp: refusal(400),
  },
  {
    name: 'mcl01',
    section: '3.3.9',
    refused: { status: 400, answerable: true, reason: /Content-Length/ },
    udp: refusal(400),
    tcp: refusal(400, 'closed'),
  },
  {
    name: 'bcast',
    section: '3.3.10',
    // A response to nothing that we asked; its second Via must not make it go out to 255.255.255.255.
    accepted: (t, message) =>
      t.equal(parseVia(message.headers.getAll('Via')[1] ?? '')?.host, '255.255.255.255'),
    udp: dropped,
  },
  {
    name: 'zeromf',
    section: '3.3.11',
    // 483 is for proxies; the UAS that it reaches answers it.
    accepted: (t, message) => t.equal(message.headers.get('Max-Forwards'), '0'),
    udp: served('OPTIONS'),
  },
  {
    name: 'cparam01',
    section: '3.3.12',
    accepted(t, message) {
      const contact = parseNameAddr(value(message, 'Contact'))
      t.ok(contact?.params.has('unknownparam'), 'a parameter of the field')
      t.notOk(parseUri(contact?.uri ?? '')?.params.has('unknownparam'))
    },
    udp: served('REGISTER'),
  },
  {
    name: 'cparam02',
    section: '3.3.13',
    accepted(t, message) {
      const contact = parseNameAddr(value(message, 'Contact'))
      t.notOk(contact?.params.has('unknownparam'))
      t.ok(parseUri(contact?.uri ?? '')?.params.has('unknownparam'), 'a parameter of the URI')
    },
    udp: served('REGISTER'),
  },
  {
    name: 'regescrt',
    section: '3.3.14',
    accepted: (t, message) =>
      t.equal(parseUri(uriOf(value(message, 'Contact')) ?? '')?.headers, 'Route=%3Csip:sip.example.com%3E'),
    udp: served('REGISTER'),
  },
  {
    name: 'sdp01',
    section: '3.3.15',
    accepted: (t, message) => t.equal(message.headers.get('Accept'), 'text/nobodyKnowsThis'),
    udp: calls,
  },
  {
    name: 'inv2543',
    section: '3.4.1',
    accepted(t, message) {
      t.equal(tagOf(value(message, 'From')), undefined)
      t.match(message.body.toString(), /m=audio 49217 RTP\/AVP 0\r\n$/, 'without Content-Length to the end')
    },
    // No From tag and no Contact: no dialog of RFC 3261 can be made of it.
    udp: refusal(400),
    tcp: refusal(400, 'closed'),
  },
]

/** RFC 4475 3.2 to 3.4: what layers above the parser have to judge. */
export const semanticCases: TortureCase[] = cases.map((entry) => ({ rfc: 4475, ...entry }))
