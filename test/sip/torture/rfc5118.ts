import { parseNameAddr, uriOf } from '#src/sip/name-addr.ts'
import { parseUri } from '#src/sip/uri.ts'
import { parseVia } from '#src/sip/via.ts'
import { calls, refusal, request, served, value, type TortureCase } from './torture-case.ts'

const cases: Omit<TortureCase, 'rfc'>[] = [
  {
    name: 'ipv6-good',
    section: '4.1',
    accepted(t, message) {
      t.match(parseUri(request(message).uri), { host: '2001:db8::10' })
      t.match(parseVia(value(message, 'Via')), { host: '2001:db8::9:1' })
      t.match(parseUri(parseNameAddr(value(message, 'Contact'))?.uri ?? ''), { host: '2001:db8::1' })
    },
    udp: served('REGISTER'),
  },
  {
    name: 'ipv6-bad',
    section: '4.2',
    refused: { status: 400, answerable: true, reason: /Request-URI/ },
    udp: refusal(400),
  },
  {
    name: 'port-ambiguous',
    section: '4.3',
    accepted(t, message) {
      const uri = parseUri(request(message).uri)
      t.equal(uri?.host, '2001:db8::10:5070', 'all of it is the address')
      t.equal(uri?.port, undefined)
    },
    udp: served('REGISTER'),
  },
  {
    name: 'port-unambiguous',
    section: '4.4',
    accepted: (t, message) => t.match(parseUri(request(message).uri), { host: '2001:db8::10', port: 5070 }),
    udp: served('REGISTER'),
  },
  {
    name: 'via-received-param-with-delim',
    section: '4.5',
    accepted: (t, message) =>
      t.equal(parseVia(value(message, 'Via'))?.params.get('received'), '[2001:db8::9:255]'),
    udp: refusal(481),
  },
  {
    name: 'via-received-param-no-delim',
    section: '4.5',
    accepted: (t, message) =>
      t.equal(parseVia(value(message, 'Via'))?.params.get('received'), '2001:db8::9:255'),
    udp: served('OPTIONS'),
  },
  {
    name: 'ipv6-in-sdp',
    section: '4.6',
    // The RFC promises 268 bytes of body and prints 251; torture.test.ts judges it with the right count.
    refused: { status: 400, answerable: true, reason: /Shorter/ },
    udp: refusal(400),
    tcp: { answers: [], connection: 'half' },
  },
  {
    name: 'mult-ip-in-header',
    section: '4.7',
    accepted(t, message) {
      const vias = message.headers.getAll('Via').map((via) => parseVia(via))
      t.same(
        vias.map((via) => [via?.host, via?.port]),
        [
          ['2001:db8::9:1', 6050],
          ['192.0.2.1', undefined],
          ['2001:db8::9:255', undefined],
        ],
      )
      t.equal(vias[2]?.params.get('received'), '192.0.2.200')
    },
    udp: refusal(481),
  },
  {
    name: 'mult-ip-in-sdp',
    section: '4.8',
    // Here the count is 8 too small: over UDP the rest is cut off, over TCP it begins a message that never ends.
    accepted: (t, message) =>
      t.match(message.body.toString(), /c=IN IP4 192\.0\.2\.1\r\n[^]*c=IN IP6 2001:db8::1\r\n/),
    udp: calls,
    tcp: { ...calls, connection: 'half' },
  },
  {
    name: 'ipv4-mapped-ipv6',
    section: '4.9',
    accepted(t, message) {
      t.same(
        message.headers.getAll('Via').map((via) => [parseVia(via)?.host, parseVia(via)?.port]),
        [
          ['::ffff:192.0.2.10', 19823],
          ['::ffff:192.0.2.2', undefined],
        ],
      )
      const contact = parseNameAddr(value(message, 'Contact'))
      t.equal(contact?.displayName, 'T. desk phone')
      t.equal(parseUri(contact?.uri ?? '')?.host, '::ffff:192.0.2.2')
    },
    // And 9 too small here.
    udp: calls,
    tcp: { ...calls, connection: 'half' },
  },
  {
    name: 'ipv6-bug-abnf-3-colons',
    section: '4.10',
    // Three colons come from the grammar of RFC 3261. The message passes; the address in it is no address.
    accepted(t, message) {
      t.equal(uriOf(value(message, 'To')), 'sip:user@[2001:db8:::192.0.2.1]')
      t.equal(parseUri(request(message).uri), undefined)
    },
    udp: served('OPTIONS'),
  },
  {
    name: 'ipv6-correct-abnf-2-colons',
    section: '4.10',
    accepted: (t, message) => t.match(parseUri(request(message).uri), { host: '2001:db8::192.0.2.1' }),
    udp: served('OPTIONS'),
  },
]

/** RFC 5118 4: IPv6 in messages. */
export const ipv6Cases: TortureCase[] = cases.map((entry) => ({ rfc: 5118, ...entry }))
