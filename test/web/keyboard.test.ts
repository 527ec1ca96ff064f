import t from 'tap'
import { someDevice } from '#test/store/store-fixture.ts'
import { claimOnPage, startWebBox, type WebBox } from './browser-fixture.ts'

/** What has the focus, by its accessible name or text. */
function focused(box: WebBox): Promise<string> {
  return box.page.evaluate(
    `(() => { const e = document.activeElement; return e.getAttribute('aria-label') ?? (e.labels?.[0]?.textContent || e.textContent || e.tagName).trim() })()`,
  )
}

/** What has the focus once it is `wanted`, or after five seconds: a page under load moves it a moment later. */
async function settledFocus(box: WebBox, wanted: string): Promise<string> {
  const untilMs = performance.now() + 5_000
  let now = await focused(box)
  while (now !== wanted && performance.now() < untilMs) now = await focused(box)
  return now
}

/** Presses Tab until the named thing has the focus. */
async function tabTo(box: WebBox, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(box)) === name) return
    await box.page.keyboard.press('Tab')
  }
  throw new Error(`${name} is not reached by Tab`)
}

t.test('claim, add, rename and remove a phone with the keyboard alone', async (t) => {
  const box = await startWebBox(t)
  const { page, store, origin } = box
  const { keyboard } = page
  await page.goto(origin)
  await page.getByLabel('Claim code').waitFor()
  t.equal(await settledFocus(box, 'Claim code'), 'Claim code', 'the first field has the focus')
  await keyboard.type(box.api.claimCode() ?? '')
  await keyboard.press('Tab')
  await keyboard.type('correct horse battery')
  await keyboard.press('Tab')
  await keyboard.type('correct horse battery')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Network', level: 1 }).waitFor()
  t.equal(await settledFocus(box, 'Network'), 'Network', 'the setup begins, and its heading has the focus')
  await page.goto(`${origin}/#/status`)
  await page.reload()
  await page.getByRole('heading', { name: 'Status', level: 1 }).waitFor()

  await keyboard.press('Tab')
  t.equal(await settledFocus(box, 'Skip to content'), 'Skip to content')
  await tabTo(box, 'PhonesPhones')
  await keyboard.press('Enter')
  await page.getByText('No phones yet').waitFor()
  await tabTo(box, 'Add phone')
  const outline = await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`)
  t.equal(outline, 'solid', 'the focus can be seen')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  t.equal(await settledFocus(box, 'Name'), 'Name')
  await keyboard.type('Reception')
  await keyboard.press('Enter')
  await page.getByText('Waiting for the phone to register').waitFor()
  await tabTo(box, 'Done')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor({ state: 'detached' })

  await tabTo(box, 'Rename Reception')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await keyboard.press('Control+A')
  await keyboard.type('Front desk')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Front desk' }).waitFor()

  await tabTo(box, 'Remove Front desk')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  t.equal(await settledFocus(box, 'Keep'), 'Keep', 'the harmless choice has the focus')
  await keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  t.equal(await settledFocus(box, 'Remove Front desk'), 'Remove Front desk', 'the focus is given back')
  await keyboard.press('Enter')
  await tabTo(box, 'Remove phone')
  await keyboard.press('Enter')
  await page.getByText('No phones yet').waitFor()
  t.strictSame(store.devices.list(), [])
  t.strictSame(box.problems, [])
})

t.test('settings keep what was typed when somebody else was quicker', async (t) => {
  const box = await startWebBox(t)
  const { page, settings, origin } = box
  await claimOnPage(box)
  await page.goto(`${origin}/#/settings`)
  const country = page.getByLabel('Country (ISO 3166)')
  await country.fill('AT')
  settings.version++
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Your edits are kept.').waitFor()
  t.equal(await country.inputValue(), 'AT')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved.').waitFor()
  t.strictSame(settings.document, { site: { country: 'AT' } })

  await page.getByLabel('SIP over UDP port').fill('70000')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The port is too large.').first().waitFor()
  await page.getByLabel('SIP over UDP port').fill('5080')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Takes effect after the box restarts: SIP over UDP port.').waitFor()
})

t.test('a box without its database says so, and takes the claim once it is back', async (t) => {
  const box = await startWebBox(t, { noStore: true })
  const { page, origin, api, store } = box
  box.health.state = 'failed'
  box.health.parts[0] = {
    name: 'store',
    state: 'failed',
    detail: 'The database is damaged.',
    advice: 'Restore the last backup.',
  }
  await page.goto(origin)
  await page.getByRole('heading', { name: 'The box cannot open its database' }).waitFor()
  await page.getByText('Restore the last backup.').waitFor()
  api.attach({ store })
  await page.getByRole('button', { name: 'Look again' }).click()
  await page.getByLabel('Claim code').waitFor()
})

t.test('a restart of the box is said, and the page goes on by itself, still logged in', async (t) => {
  const box = await startWebBox(t)
  const { page, api, origin } = box
  await claimOnPage(box)
  await page.goto(`${origin}/#/phones`)
  await page.getByText('No phones yet').waitFor()
  await api.stop()
  await page.getByText('No connection to the box.').waitFor()
  box.store.devices.save(someDevice({ label: 'Added meanwhile' }))
  await box.restart()
  await page.getByRole('heading', { name: 'Added meanwhile' }).waitFor()
  await page.getByText('No connection to the box.').waitFor({ state: 'detached' })
  t.pass('read anew without a new login')
})
