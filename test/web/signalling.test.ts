import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { TracesPort } from '#src/api/traces-port.ts'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { Signalling } from '#src/engine/trace/signalling.ts'
import { writePcapng } from '#src/engine/trace/write-pcapng.ts'
import type { CallRecord } from '#src/model/call-record.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import {
  message,
  playSampleCall,
  sampleFlow,
  sampleFlows,
  sampleParties,
  sampleSecrets,
} from '#test/engine/trace/sample-call.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { KeyboardPerson } from '#test/support/keyboard.ts'
import { claimOnPage, startWebBox, type WebBox } from './browser-fixture.ts'

const callId = 'call-1'

function record(): CallRecord {
  const nowMs = Date.now()
  return {
    id: callId,
    startedAtMs: nowMs - 9_000,
    answeredAtMs: nowMs - 5_000,
    endedAtMs: nowMs - 1_000,
    caller: sampleParties.anna,
    dialled: '0301234567',
    callee: sampleParties.teams,
    cause: 'CALL_ENDED_BY_CALLER',
    sipStatus: 200,
    explanation: 'The caller hung up.',
  }
}

/** A memory of messages with one call in it, as the composition root hands it to the API. */
function tracesWithCall(t: Test): TracesPort & { signalling: Signalling } {
  const signalling = new Signalling({ clock: systemClock, logger: silentLogger, secretCodes: ['*55*'] })
  signalling.start({ limits: { maxBytes: 1024 * 1024, maxAgeMs: 3_600_000 }, homer: undefined })
  t.teardown(() => signalling.stop())
  playSampleCall(signalling, {
    flows: sampleFlows(),
    joined: (sipCallId, party) => signalling.join(callId, sipCallId, party),
  })
  return {
    signalling,
    ofCall: (id) => signalling.ofCall(id),
    outside: (limit, of) => signalling.outside(limit, of),
    captureOf: (id, reveal) => {
      const messages = signalling.ofCall(id, reveal)?.flatMap((leg) => leg.messages)
      return messages && writePcapng(messages, { application: 'test', comment: '' })
    },
  }
}

async function openBox(t: Test, width: number, scheme: 'light' | 'dark'): Promise<WebBox> {
  const box = await startWebBox(t, { width, scheme })
  box.api.attach({ traces: tracesWithCall(t) })
  await claimOnPage(box)
  await box.store.callLog.add(record())
  await box.store.callLog.add({ ...record(), id: 'call-0', startedAtMs: 1, endedAtMs: 2, answeredAtMs: 1 })
  await box.page.goto(`${box.origin}/#/log`)
  await box.page.getByRole('heading', { name: 'Call log' }).waitFor()
  return box
}

const looks = [
  { width: 1440, scheme: 'light' },
  { width: 390, scheme: 'dark' },
] as const

for (const { width, scheme } of looks) {
  t.test(
    `the signalling of an ended call is a ladder at ${width} px, masked, by keyboard alone`,
    async (t) => {
      const box = await openBox(t, width, scheme)
      const { page } = box
      const keyboard = new KeyboardPerson(page)
      await keyboard.press(/^Signalling of the call from Anna Albrecht/)
      const dialog = page.getByRole('dialog', { name: /Signalling: Anna Albrecht/ })
      const table = dialog.getByRole('table', { name: 'SIP messages' })
      await table.waitFor()
      t.equal(
        await table.getByRole('row').count(),
        17,
        '18 messages, two of them retransmissions, and the head',
      )
      const ringing = table.getByRole('row').filter({ hasText: '×3' })
      t.equal(await ringing.count(), 1, 'three times 180 is one arrow')
      t.match(await ringing.innerText(), /180 Ringing/)
      await keyboard.press(/^407 Proxy Authentication Required/)
      await dialog.getByText('SIP/2.0 407 Proxy Authentication Required').waitFor()
      await keyboard.press(/^INFO/)
      const shown = dialog.locator('pre')
      t.match(await shown.innerText(), /Signal=\*/, 'a key press is masked')
      await shot(t, box, `ladder-${width}`)
      t.strictSame(await seriousFindings(page), [], 'axe finds nothing')
      t.equal(
        await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
        true,
        'nothing is wider than the window',
      )
      t.equal(
        await page.evaluate(
          `(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('dialog'))`,
        ),
        true,
        'nor than the dialog',
      )
      const text = (await dialog.textContent()) ?? ''
      for (const secret of sampleSecrets) t.notOk(text.includes(secret), 'no secret on the page')
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        dialog.getByRole('link', { name: 'Download for Wireshark' }).click(),
      ])
      t.equal(download.suggestedFilename(), 'call-call1.pcapng')
      t.equal(readFileSync(await download.path()).readUInt32LE(0), 0x0a0d0d0a, 'the file is pcapng')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      // The focus is given back when the window is gone.
      await page.locator('button:focus').filter({ hasText: 'Signalling' }).waitFor()
      t.strictSame(box.problems, [])
    },
  )
}

t.test('a call whose messages are gone says so, and a live call shows its ladder', async (t) => {
  const box = await openBox(t, 1440, 'dark')
  const { page } = box
  await page
    .getByRole('button', { name: /^Signalling of the call/ })
    .last()
    .click()
  await page.getByText('The signalling of this call is not kept any more.').waitFor()
  await page.keyboard.press('Escape')
  const { id, startedAtMs, caller, dialled } = record()
  box.pbx.start({
    id,
    state: 'ringing',
    startedAtMs,
    answeredAtMs: undefined,
    caller,
    dialled,
    callees: [sampleParties.teams],
  })
  await page.goto(`${box.origin}/#/live`)
  await page.getByRole('button', { name: /^Signalling of the call from Anna/ }).click()
  await page.getByRole('table', { name: 'SIP messages' }).waitFor()
  t.strictSame(box.problems, [])
})

for (const { width, scheme } of looks) {
  t.test(`what a phone said outside calls is shown at ${width} px, masked, by keyboard alone`, async (t) => {
    const box = await startWebBox(t, { width, scheme })
    const traces = tracesWithCall(t)
    box.api.attach({ traces })
    await claimOnPage(box)
    const { page, store } = box
    await page.goto(`${box.origin}/#/phones`)
    await page.getByRole('button', { name: 'Add phone' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill('Reception')
    await page.keyboard.press('Enter')
    await page.getByText('Waiting for the phone to register').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click()
    const keyboard = new KeyboardPerson(page)
    const dialog = page.getByRole('dialog', { name: 'Messages of Reception' })
    await keyboard.press('Messages of Reception')
    await dialog.getByText('No message is kept.').waitFor()

    const [device] = store.devices.list()
    const [line] = store.lines.listByDevice(device?.id ?? '')
    const flow = sampleFlow('udp', { host: '192.0.2.1', port: 5060 }, { host: '192.0.2.10', port: 5060 })
    const credentials = `Authorization: Digest username="x", response="${sampleSecrets[0]}"`
    for (const [index, user] of [line?.username, 'somebody-else'].entries()) {
      const register = message('REGISTER sip:b SIP/2.0', { callId: `r${index}`, cseq: '1 REGISTER' }, [
        `X: <sip:${user}@b>`,
        credentials,
      ])
      traces.signalling.received(register, { ...flow, id: 9_000 + index }, parseMessage(register))
    }
    await keyboard.press('Read again')
    const table = dialog.getByRole('table', { name: 'SIP messages' })
    await table.waitFor()
    t.equal(await table.getByRole('row').count(), 2, 'its one message, and the head')
    await keyboard.press(/^REGISTER/)
    await dialog.locator('pre').waitFor()
    const text = (await dialog.textContent()) ?? ''
    t.match(text, /Digest username="x", response="\*+"/)
    t.notOk(text.includes(sampleSecrets[0] as string))
    await shot(t, box, `phone-messages-${width}`)
    t.strictSame(await seriousFindings(page), [], 'axe finds nothing')
    t.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.locator('button:focus').filter({ hasText: 'Messages' }).waitFor()
    t.strictSame(box.problems, [])
  })
}

t.test('the token for metrics is made, shown once, works, and is taken away', async (t) => {
  const box = await startWebBox(t)
  await claimOnPage(box)
  const { page } = box
  await page.goto(`${box.origin}/#/settings`)
  const section = page.getByRole('region', { name: 'Metrics' })
  await section.getByText('There is no token.').waitFor()
  const keyboard = new KeyboardPerson(page)
  await keyboard.press('Make a token')
  await section.getByRole('button', { name: 'Show token' }).waitFor()
  await section.locator('h2:focus').waitFor()
  await section.getByRole('button', { name: 'Show token' }).click()
  const token = await section.getByRole('definition').locator('code').innerText()
  // A Prometheus server has no cookie.
  const prometheus = await box.browser.newContext({ ignoreHTTPSErrors: true })
  t.teardown(() => prometheus.close())
  const read = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` }
    return (await prometheus.request.get(`${box.origin}/api/metrics`, { headers })).status()
  }
  t.equal(await read(), 200)
  await shot(t, box, 'metrics')
  await keyboard.press('Take it away')
  await section.getByText('There is no token.').waitFor()
  await section.locator('h2:focus').waitFor()
  t.equal(await read(), 401)
  t.strictSame(box.problems, [])
})

/** Keeps a picture for whoever wants to look at it. */
async function shot(t: Test, { page }: WebBox, name: string): Promise<void> {
  await page.screenshot({ path: `${t.testdir()}/${name}.png` })
}
