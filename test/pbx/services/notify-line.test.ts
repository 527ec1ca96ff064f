import t from 'tap'
import { startOffice } from '#test/pbx/support/test-office.ts'

for (const library of [false, true]) {
  t.test(`a NOTIFY reaches every phone of a line (${library ? 'by the library' : 'direct'})`, async (t) => {
    const office = await startOffice(t, { library })
    const phone = await office.phone('anna')
    await phone.register()
    const from = phone.heard.length
    const told = office.pbx.notify('anna', { event: 'check-sync;reboot=false' })
    const notify = await phone.waitFor('NOTIFY', ({ method }) => method === 'NOTIFY', from)
    t.match(notify.startLine, /^NOTIFY sip:anna@127\.0\.0\.1/)
    t.equal(notify.header('Event'), 'check-sync;reboot=false')
    t.equal(notify.header('Subscription-State'), 'terminated')
    t.equal(notify.body, '')
    phone.respond(notify, 200)
    t.strictSame(await told, { contacts: 1, answered: 1 })

    const body =
      '<?xml version="1.0"?>\n<YealinkIPPhoneExecute><ExecuteItem URI="ä"/></YealinkIPPhoneExecute>'
    const pushed = office.pbx.notify('anna', { event: 'Yealink-xml', contentType: 'application/xml', body })
    const page = await phone.waitFor('the page', (message) => message.header('Event') === 'Yealink-xml', from)
    t.equal(page.header('Content-Type'), 'application/xml')
    t.equal(page.body, body)
    phone.respond(page, 489)
    t.strictSame(await pushed, { contacts: 1, answered: 0 }, 'refused is not told')

    t.strictSame(await office.pbx.notify('nobody', { event: 'check-sync' }), { contacts: 0, answered: 0 })
  })
}
