import t from 'tap'
import { startOffice } from '#test/pbx/support/test-office.ts'
import type { WireMessage } from '#test/pbx/support/wire-phone.ts'

// What differs from call to call, and so between the two ways.
function comparable(message: WireMessage): string {
  return message.text
    .replaceAll(/(tag|branch|nonce)="?[^;,"\r]+"?/g, '$1=x')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'peer')
    .replaceAll(/(rport|Date|Call-ID|CSeq)([=:]).*/g, '$1$2 x')
}

for (const method of ['REGISTER', 'OPTIONS', 'SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'REFER']) {
  t.test(`${method} gets the same answer directly and by way of the library`, async (t) => {
    const answers: string[][] = []
    for (const library of [false, true]) {
      const office = await startOffice(t, { library })
      const anna = await office.phone('anna')
      if (method === 'REGISTER') {
        await anna.register({ password: 'wrong' })
        await anna.register({ contact: `Contact: <${anna.contact}>, <sip:anna@127.0.0.1:9>;q=0.5` })
        await anna.register({ fields: ['Expires: 5'] })
      } else {
        anna.send([
          `${method} sip:127.0.0.1 SIP/2.0`,
          anna.via(),
          'From: <sip:anna@127.0.0.1>;tag=1',
          'To: <sip:127.0.0.1>',
          'Call-ID: same',
          `CSeq: 1 ${method}`,
          `Contact: <${anna.contact}>`,
          'Event: dialog',
          'Refer-To: <sip:x@127.0.0.1>',
          'Max-Forwards: 70',
        ])
        await anna.final({ callId: 'same' }, 1, method)
      }
      answers.push(anna.heard.map(comparable))
    }
    t.ok(answers[0]?.length)
    t.same(answers[0], answers[1])
  })
}
