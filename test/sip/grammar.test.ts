import t from 'tap'
import { parseCSeq } from '#src/sip/cseq.ts'
import { formatNameAddr, parseNameAddr, tagOf, uriOf, withTag } from '#src/sip/name-addr.ts'
import { splitList } from '#src/sip/params.ts'
import { reasonPhrase } from '#src/sip/reason-phrases.ts'
import { sipTimers, standardTimerBases } from '#src/sip/timers.ts'
import { branchOf, formatVia, parseVia, responseAddress, withReceived } from '#src/sip/via.ts'

void t.test('name-addr values', (t) => {
  const table: [string, string | undefined, string, string | undefined][] = [
    ['<sip:a@b>', undefined, 'sip:a@b', undefined],
    ['<sip:a@b>;tag=1', undefined, 'sip:a@b', '1'],
    ['sip:a@b;tag=1', undefined, 'sip:a@b', '1'],
    ['sip:a@b;x;TAG = 1;y=2', undefined, 'sip:a@b', '1'],
    ['"A" <sip:a@b;tag=no>;tag=yes', 'A', 'sip:a@b;tag=no', 'yes'],
    ['"A;tag=no <sip:x@y>" <sip:a@b>;tag=yes', 'A;tag=no <sip:x@y>', 'sip:a@b', 'yes'],
    ['"\\"<" <sip:a@b> ; tag=yes', '"<', 'sip:a@b', 'yes'],
    ['A  B <sip:a@b>;q="x;tag=no";tag=yes', 'A B', 'sip:a@b', 'yes'],
    ['<sip:a@b>;tagged=1', undefined, 'sip:a@b', undefined],
    ['<sip:a@b>;tag=', undefined, 'sip:a@b', undefined],
    ['<tel:+49301234>;tag=t', undefined, 'tel:+49301234', 't'],
    ['"" <sip:a@b>', undefined, 'sip:a@b', undefined],
  ]
  for (const [value, displayName, uri, tag] of table) {
    const parsed = parseNameAddr(value)
    t.equal(parsed?.displayName, displayName, value)
    t.equal(parsed?.uri, uri, value)
    t.equal(uriOf(value), uri, value)
    t.equal(tagOf(value), tag, value)
  }
  for (const bad of [
    '',
    '*',
    '<>',
    '"A <sip:a@b>',
    '<sip:a@b',
    'a"b <sip:a@b>',
    'sip:a@b?x=y',
    '<sip:a@b>x',
    '<sip:a b>',
  ]) {
    t.equal(parseNameAddr(bad), undefined, JSON.stringify(bad))
  }
  t.end()
})

void t.test('a tag is added or replaced, nothing else changes', (t) => {
  t.equal(withTag('<sip:a@b>', 'x'), '<sip:a@b>;tag=x')
  t.equal(withTag('sip:a@b', 'x'), 'sip:a@b;tag=x')
  t.equal(withTag('"n" <sip:a@b;tag=u>;p=1;tag=old;r', 'x'), '"n" <sip:a@b;tag=u>;p=1;tag=x;r')
  t.equal(tagOf(withTag('"q;tag=z" <sip:a@b>', 'x')), 'x')
  t.end()
})

void t.test('a formatted name-addr is read back as it was', (t) => {
  for (const displayName of ['A', 'A "B" \\ C', 'Ünïcode; <sip:x>', ', ']) {
    const text = formatNameAddr({ displayName, uri: 'sip:a@b', params: new Map([['tag', '1']]) })
    t.match(parseNameAddr(text), { displayName, uri: 'sip:a@b' }, text)
  }
  t.notMatch(formatNameAddr({ displayName: 'a\r\nEvil: 1', uri: 'sip:a@b' }), /[\r\n]/)
  t.end()
})

void t.test('lists split at top-level commas only', (t) => {
  t.same(splitList('a, b ,c'), ['a', 'b', 'c'])
  t.same(splitList('"x, y" <sip:a,b@c>;q="1,2", <sip:d>'), ['"x, y" <sip:a,b@c>;q="1,2"', '<sip:d>'])
  t.same(splitList(',, a,'), ['a'])
  t.equal(splitList('"a, b'), undefined)
  t.equal(splitList('<sip:a, b'), undefined)
  t.end()
})

void t.test('CSeq values', (t) => {
  t.same(parseCSeq('1 INVITE'), { number: 1, method: 'INVITE' })
  t.same(parseCSeq('2147483647  ACK'), { number: 2147483647, method: 'ACK' })
  for (const bad of [
    '',
    '1',
    'INVITE',
    '-1 INVITE',
    '+1 INVITE',
    '2147483648 INVITE',
    '1.5 INVITE',
    '1 IN VITE',
    '1e3 X',
  ]) {
    t.equal(parseCSeq(bad), undefined, JSON.stringify(bad))
  }
  t.end()
})

void t.test('Via values', (t) => {
  const via = parseVia('SIP/2.0/udp [2001:db8::9:1]:5062;rport;branch=z9hG4bKx;received=1.2.3.4')
  t.match(via, { transport: 'UDP', host: '2001:db8::9:1', port: 5062 })
  t.ok(via?.params.has('rport'))
  t.equal(via && formatVia(via), 'SIP/2.0/UDP [2001:db8::9:1]:5062;rport;branch=z9hG4bKx;received=1.2.3.4')
  t.equal(branchOf('SIP/2.0/TLS a;x="; branch=no";branch=yes;b'), 'yes')
  t.equal(branchOf('SIP/2.0/TLS a;branched=no'), undefined)
  for (const bad of [
    '',
    'SIP/2.0 a',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP a:99999',
    'HTTP/1.1/TCP a',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP a;x="',
  ]) {
    t.equal(parseVia(bad), undefined, JSON.stringify(bad))
  }
  t.end()
})

void t.test('received and rport are always set and never believed (RFC 3581 4)', (t) => {
  const table: [string, string][] = [
    ['SIP/2.0/UDP a:5060', 'SIP/2.0/UDP a:5060;received=9.9.9.9;rport=7'],
    ['SIP/2.0/UDP a;branch=b', 'SIP/2.0/UDP a;branch=b;received=9.9.9.9;rport=7'],
    ['SIP/2.0/UDP a;branch=b;rport', 'SIP/2.0/UDP a;branch=b;rport=7;received=9.9.9.9'],
    ['SIP/2.0/UDP a;rport;branch=b', 'SIP/2.0/UDP a;rport=7;branch=b;received=9.9.9.9'],
    ['SIP/2.0/UDP a;received=1.1.1.1;branch=b;rport=1', 'SIP/2.0/UDP a;received=9.9.9.9;branch=b;rport=7'],
    ['SIP/2.0/UDP a ; rport=1 ; branch=b', 'SIP/2.0/UDP a;rport=7;branch=b;received=9.9.9.9'],
  ]
  for (const [value, expected] of table) t.equal(withReceived(value, '9.9.9.9', 7), expected, value)
  t.equal(withReceived('nonsense;branch=b', '9.9.9.9', 7), undefined)
  t.end()
})

void t.test('a response without its flow goes to received and rport, else to sent-by', (t) => {
  const where = (text: string) => {
    const via = parseVia(text)
    return via && responseAddress(via)
  }
  t.same(where('SIP/2.0/UDP a;received=1.2.3.4;rport=99'), { host: '1.2.3.4', port: 99 })
  t.same(where('SIP/2.0/UDP a:5070;received=1.2.3.4'), { host: '1.2.3.4', port: 5070 })
  t.same(where('SIP/2.0/UDP a;rport'), { host: 'a', port: 5060 })
  t.same(where('SIP/2.0/TLS a'), { host: 'a', port: 5061 })
  t.end()
})

void t.test('reason phrases and timers', (t) => {
  t.equal(reasonPhrase(486), 'Busy Here')
  t.equal(reasonPhrase(499), 'Request Failure')
  const unreliable = sipTimers(standardTimerBases, false)
  t.match(unreliable, {
    aMs: 500,
    bMs: 32000,
    dMs: 32000,
    fMs: 32000,
    hMs: 32000,
    iMs: 5000,
    jMs: 32000,
    kMs: 5000,
  })
  t.match(sipTimers(standardTimerBases, true), { bMs: 32000, dMs: 0, iMs: 0, jMs: 0, kMs: 0, lMs: 32000 })
  t.end()
})
