import { readdirSync } from 'node:fs'
import t from 'tap'
import { formatMessage } from '#src/sip/format-message.ts'
import { parseNameAddr, tagOf } from '#src/sip/name-addr.ts'
import { parseMessage, SipParseError } from '#src/sip/parse-message.ts'
import { semanticCases } from './torture/rfc4475-semantics.ts'
import { syntaxCases } from './torture/rfc4475-syntax.ts'
import { ipv6Cases } from './torture/rfc5118.ts'
import { bytesOf, value, type TortureCase } from './torture/torture-case.ts'

const all = [...syntaxCases, ...semanticCases, ...ipv6Cases]

void t.test('each message has a file and an expectation: 49 of RFC 4475, 12 of RFC 5118', async (t) => {
  for (const [rfc, count] of [
    [4475, 49],
    [5118, 12],
  ] as const) {
    const files = readdirSync(new URL(`./torture/rfc${rfc}`, import.meta.url)).sort()
    const cases = all.filter((one) => one.rfc === rfc)
    t.equal(cases.length, count)
    t.same(files, cases.map((one) => `${one.name}.sip`).sort())
    if (rfc === 4475)
      t.equal(new Set(cases.map((one) => one.section)).size, count, 'each has its own section')
  }
  for (const one of all) t.ok((one.accepted === undefined) !== (one.refused === undefined), one.name)
})

function judge(one: TortureCase): void {
  void t.test(`RFC ${one.rfc} ${one.section} ${one.name}`, async (t) => {
    const bytes = bytesOf(one)
    if (one.accepted) {
      const message = parseMessage(bytes)
      one.accepted(t, message)
      const again = parseMessage(formatMessage(message))
      t.same(again.headers.flat, message.headers.flat, 'survives being written and read again')
      t.ok(again.body.equals(message.body))
      return
    }
    let error: unknown
    try {
      parseMessage(bytes)
    } catch (thrown) {
      error = thrown
    }
    if (!(error instanceof SipParseError)) {
      t.fail('was accepted')
      return
    }
    t.equal(error.status, one.refused?.status)
    t.match(error.reason, one.refused?.reason)
    t.equal(error.partial !== undefined, one.refused?.answerable)
    if (error.partial) {
      for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) t.ok(error.partial.headers.has(name), name)
    }
  })
}

for (const one of all) judge(one)

/** A message with the Content-Length that its body has. */
function counted(name: string): Buffer {
  const text = bytesOf({ rfc: 5118, name }).toString('latin1')
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  return Buffer.from(text.replace(/Content-Length: \d+/, `Content-Length: ${body.length}`), 'latin1')
}

void t.test('messages that the RFCs miscounted, mended', async (t) => {
  const baddn = parseMessage(Buffer.concat([bytesOf({ rfc: 4475, name: 'baddn' }), Buffer.from('\r\n')]))
  t.equal(tagOf(value(baddn, 'From')), '43', 'commas outside quotes are read as the name that was meant')
  t.equal(parseNameAddr(value(baddn, 'To'))?.displayName, 'Watson, Thomas')
  for (const [name, length] of [
    ['ipv6-in-sdp', 251],
    ['mult-ip-in-sdp', 189],
    ['ipv4-mapped-ipv6', 245],
  ] as const) {
    const message = parseMessage(counted(name))
    t.equal(message.body.length, length, name)
    t.match(message.body.toString(), /a=rtpmap:107 H263-1998\/90000\r\n$/)
  }
})
