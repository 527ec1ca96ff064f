import type { Dice } from './dice.ts'

/** Largest mutation, bytes: what one datagram can carry. */
const maxBytes = 60_000

const pieces = [
  '\r\n',
  '\r',
  '\n',
  '\r\n\r\n',
  '\0',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ':',
  '%',
  '=',
  ' ',
  '\t',
  '@',
  '[',
  ']',
  '|',
  '#',
  '\xff',
  '\xc0\x8d\xc0\x8a',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '%0d%0a',
  '%00',
  '999999999999',
  '-1',
  'tag=',
  'branch=',
  'z9hG4bK',
  'SIP/2.0',
  '*',
  ';lr',
  ';;',
  '\u00e9',
]

const methods = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'PRACK',
  'UPDATE',
  'INFO',
  'REFER',
  'NOTIFY',
  'SUBSCRIBE',
  'MESSAGE',
  'PUBLISH',
  'DANCE',
  'invite',
  "!#$%'*",
  '',
]

/** Values that are legal, nearly legal or hostile, by field. */
const values: Record<string, readonly string[]> = {
  'Content-Length': ['0', '1', '-1', '99999', '4294967296', '0x10', '1e3', ' 5 ', '', '5, 5', '\u0665'],
  'Max-Forwards': ['0', '1', '255', '256', '-1', '070', 'x'],
  CSeq: [
    '0 INVITE',
    '2147483647 BYE',
    '2147483648 INVITE',
    '1',
    'INVITE',
    '1 invite',
    '01 OPTIONS',
    '1  ACK',
  ],
  Contact: [
    '*',
    '<sip:127.0.0.1:9>',
    'sip:a@[::1]:5060',
    '<sip:>',
    '<>',
    '<sip:a@127.0.0.1:99999>',
    '"',
    '<sip:a@b?X=y>',
  ],
  Expires: ['0', '1', '4294967296', '-1', 'soon', ''],
  Event: ['presence', 'dialog', 'refer', 'message-summary;id=1', ''],
  'Subscription-State': ['active', 'terminated;reason=noresource', 'pending;expires=0', ''],
  'Refer-To': [
    '<sip:a@127.0.0.1:9>',
    '<sip:a@127.0.0.1:9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>',
    '<tel:+1>',
    '',
  ],
  Replaces: ['a;to-tag=b;from-tag=c', 'a;early-only', '', ';to-tag=;from-tag='],
  'Session-Expires': ['90;refresher=uac', '1', '0', '4294967295;refresher=uas', 'x'],
  'Min-SE': ['90', '4294967295', '-1'],
  Require: ['100rel', 'timer', 'path, outbound', 'unheardOf', ''],
  Supported: ['100rel, timer, replaces, path, outbound', ''],
  RSeq: ['1', '0', '4294967296'],
  RAck: ['1 1 INVITE', '0 0 INVITE', '1 1', ''],
  Route: ['<sip:127.0.0.1:9;lr>', '<sip:127.0.0.1:9>', '<sip:[::1];lr>', '<>'],
  'Record-Route': ['<sip:127.0.0.1:9;lr>', '<sip:127.0.0.1:9>', '<sips:127.0.0.1;lr>'],
  Path: ['<sip:127.0.0.1:9;lr;ob>', ''],
  Via: [
    'SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx',
    'SIP/2.0/TCP [::1]:9;branch=z9hG4bKx;rport;alias',
    'SIP/3.0/XYZ ?',
    's',
    '',
    'SIP/2.0/UDP 127.0.0.1;received=255.255.255.255;rport=0',
    'SIP/2.0/WSS a.invalid;branch=z9hG4bKw',
  ],
  Authorization: [
    'Digest',
    'Digest username="a"',
    'Basic YTpi',
    `Digest ${'a=b,'.repeat(50)}`,
    'Digest username="',
  ],
  'Content-Type': ['application/sdp', 'multipart/mixed;boundary=x', 'multipart/mixed;boundary=""', '/', ''],
  'Call-ID': ['|', 'a|b;from-tag=c', '', '\u00e9', 'x'.repeat(3000)],
  To: ['*', '<sip:a@b>;tag=', '"', 'sip:a@b;tag=x;tag=y', '<tel:+1;phone-context=x>'],
  From: ['<sip:a@b>', '"\\', 'sip:a@b;tag=|', '<sip:a@b>;tag=%00'],
  'X-Peer-Certificate-Names': ['sip.pstnhub.microsoft.com'],
  Reason: ['SIP;cause=200;text="x"', 'Q.850;cause=16'],
}

const uris = [
  'sip:',
  'sip:@',
  'sip:a@',
  'sip:[',
  'sip:[::1]',
  'sip:a@127.0.0.1:0',
  'sips:a@127.0.0.1',
  'tel:+1',
  'urn:service:sos',
  'x:y',
  'sip:a@b;transport=',
  'sip:a@b;transport=sctp',
  'sip:%',
  'sip:%00@b',
  'sip:a:b:c@d',
  'sip:a@b?From=x',
  'sip:..',
  '*',
  '',
  'sip:a@b;maddr=224.0.0.1',
]

interface Parts {
  start: string
  fields: string[]
  body: string
}

function split(text: string): Parts {
  const end = text.indexOf('\r\n\r\n')
  const head = end < 0 ? text : text.slice(0, end)
  const [start = '', ...fields] = head.split('\r\n')
  return { start, fields, body: end < 0 ? '' : text.slice(end + 4) }
}

function joined(parts: Parts): string {
  return [parts.start, ...parts.fields, '', parts.body].join('\r\n')
}

type Change = (parts: Parts, dice: Dice, other: Parts) => void

const somewhere = (parts: Parts, dice: Dice): number => dice.below(parts.fields.length + 1)

/** Each changes one thing that the grammar knows about. */
const changes: Change[] = [
  (parts, dice) => void parts.fields.splice(somewhere(parts, dice), 1),
  (parts, dice) => void parts.fields.splice(somewhere(parts, dice), 0, dice.pick(parts.fields) ?? ''),
  (parts, dice) => {
    const name = dice.pick(Object.keys(values))
    const line = `${name}: ${dice.pick(values[name] ?? [''])}`
    const at = parts.fields.findIndex((field) => field.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    if (at >= 0 && dice.chance(0.7)) parts.fields[at] = line
    else parts.fields.splice(somewhere(parts, dice), 0, line)
  },
  (parts, dice, other) => void parts.fields.splice(somewhere(parts, dice), 0, dice.pick(other.fields) ?? ''),
  (parts, dice) => {
    const words = parts.start.split(' ')
    if (words[0]?.startsWith('SIP/'))
      parts.start = `SIP/2.0 ${dice.pick([0, 99, 100, 180, 183, 199, 200, 202, 299, 302, 401, 407, 408, 422, 481, 486, 487, 491, 503, 603, 699, 700, 4294967301])} x`
    else parts.start = [dice.pick(methods), ...words.slice(1)].join(' ')
  },
  (parts, dice) => {
    const method = dice.pick(methods)
    parts.start = parts.start.replace(/^\S+/, method)
    parts.fields = parts.fields.map((field) => field.replace(/^(cseq\s*:\s*\d+\s+)\S+/i, `$1${method}`))
  },
  (parts, dice) => {
    const words = parts.start.split(' ')
    if (words.length === 3 && !words[0]?.startsWith('SIP/')) words[1] = dice.pick(uris)
    parts.start = words.join(' ')
  },
  (parts, dice) => {
    const at = dice.below(parts.fields.length)
    parts.fields[at] = (parts.fields[at] ?? '').replace(
      ':',
      dice.pick([' : ', ':\r\n ', '\t:', '', '::', '\0:', ':\n ']),
    )
  },
  (parts, dice) => {
    const at = dice.below(parts.fields.length)
    parts.fields[at] =
      `${parts.fields[at] ?? ''}${dice.pick([';', ',', ';a', ';tag=x', ' ', '\r\n\tx', ';expires=0', ';q=2', '>'])}`
  },
  (parts, dice) => {
    // Another transaction, another dialog, or the same one again.
    const field = dice.pick(['branch=', 'tag=', 'Call-ID: '])
    const tail = dice.below(1e6).toString(36)
    parts.fields = parts.fields.map((line) =>
      line.replace(new RegExp(`(${field})[^;\\r\\n]*`), `$1z9hG4bK${tail}`),
    )
  },
  (parts, dice) => {
    parts.body = dice.pick([
      '',
      'x',
      'v=0\r\n',
      parts.body + parts.body,
      parts.body.slice(dice.below(parts.body.length + 1)),
      '\r\n\r\n',
      '\xff\xfe',
    ])
    if (dice.chance(0.8)) {
      parts.fields = parts.fields.map((line) =>
        line.replace(/^(content-length|l)\s*:.*/i, `$1: ${parts.body.length}`),
      )
    }
  },
  (parts, dice) => {
    const line = dice.pick([
      'v: SIP/2.0/UDP h',
      'm: <sip:a@b>',
      'Route: <sip:a;lr>',
      'Record-Route: <sip:a;lr>',
      'X: y',
      'k: a,b,c',
      '\x00',
      ' ',
      ':',
    ])
    const count = dice.pick([3, 30, 300, 2000])
    parts.fields.splice(somewhere(parts, dice), 0, ...Array.from({ length: count }, () => line))
  },
  (parts, dice) => {
    const at = dice.below(parts.fields.length)
    const filler = dice.pick([';', ' ', '"', '<', ',', 'a', '%41', '\\', '(', ';a=b', '\r\n ', 'é'])
    parts.fields[at] = `${parts.fields[at] ?? ''}${filler.repeat(dice.pick([10, 100, 1000, 10_000]))}`
  },
]

function byteEdit(bytes: Buffer, dice: Dice, other: Buffer): Buffer {
  const at = dice.below(bytes.length + 1)
  switch (dice.below(5)) {
    case 0: {
      const edited = Buffer.from(bytes)
      if (edited.length > 0) edited[at % edited.length] = dice.below(256)
      return edited
    }
    case 1:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(dice.pick(pieces), 'latin1'),
        bytes.subarray(at),
      ])
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + dice.below(40))])
    case 3: {
      const from = dice.below(other.length)
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + 80), bytes.subarray(at)])
    }
    default:
      return bytes.subarray(0, at)
  }
}

/** A message changed in one to four ways, by its grammar or by its bytes; `other` lends pieces. */
export function mutate(message: Buffer, other: Buffer, dice: Dice): Buffer {
  let bytes = message
  if (dice.chance(0.7)) {
    const parts = split(bytes.toString('latin1'))
    const lender = split(other.toString('latin1'))
    for (let count = 1 + dice.below(3); count > 0; count--) dice.pick(changes)(parts, dice, lender)
    bytes = Buffer.from(joined(parts), 'latin1')
  }
  if (dice.chance(0.4))
    for (let count = 1 + dice.below(3); count > 0; count--) bytes = byteEdit(bytes, dice, other)
  return bytes.length > maxBytes ? bytes.subarray(0, maxBytes) : bytes
}

/**
 * The message with this Call-ID, branch and tag made its own, so that whoever replays it is not only a repetition.
 * Whatever does not look like a message comes back as it is.
 */
export function refreshed(message: Buffer, dice: Dice): Buffer {
  const mark = dice.below(2 ** 31).toString(36)
  const text = message
    .toString('latin1')
    .replace(/(branch=z9hG4bK)[^;,\r\n]*/, `$1${mark}`)
    .replace(/^((?:call-id|i)\s*:\s*)[^\r\n]*/im, `$1${mark}`)
  return Buffer.from(text, 'latin1')
}
