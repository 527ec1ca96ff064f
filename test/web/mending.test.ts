import t from 'tap'
import { someDevice } from '#test/store/store-fixture.ts'
import { claimOnPage, startWebBox } from './browser-fixture.ts'

t.test('a setting that waits is told until the box has been restarted from the page', async (t) => {
  let restarts = 0
  const box = await startWebBox(t, { change: { restart: () => restarts++ } })
  const { page, origin, settings } = box
  await claimOnPage(box)
  await page.goto(`${origin}/#/settings`)
  await page.getByLabel('SIP over UDP port').fill('70000')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('alert').getByText('The port is too large.').waitFor()
  t.equal(await page.evaluate('document.activeElement.value'), '70000', 'the refused field has the focus')
  await page.getByLabel('SIP over UDP port').fill('5070')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Takes effect after the box restarts: SIP over UDP port.').waitFor()

  await page.reload()
  await page.getByText('Only then these are in force: SIP over UDP port.').waitFor()
  await page.getByRole('button', { name: 'Restart …' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Restart', exact: true }).click()
  await page.getByText('Waiting for the box to come back').waitFor()
  t.equal(restarts, 1)
  await box.api.stop()
  settings.pendingRestart = []
  await box.restart()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByText('The box must be restarted.').waitFor({ state: 'detached' })
  t.strictSame(
    box.problems.filter((text) => !/ERR_CONNECTION|Failed to load/.test(text)),
    [],
  )
})

t.test('saved settings that cannot be used are named and taken out', async (t) => {
  const box = await startWebBox(t)
  const { page, origin, settings } = box
  await claimOnPage(box)
  settings.problems = [{ field: 'sip.later', text: 'There is no such setting.' }]
  settings.document = { sip: { later: 1 } }
  await page.goto(`${origin}/#/settings`)
  await page.getByText('There is no such setting.').waitFor()
  await page.getByRole('button', { name: 'Take them out' }).click()
  await page.getByText('There is no such setting.').waitFor({ state: 'detached' })
  t.strictSame(settings.document, { sip: { later: null } }, 'by a merge patch')
})

t.test(
  'the sign-in says beforehand that nobody is allowed yet, and counts by the clock of the box',
  async (t) => {
    const box = await startWebBox(t)
    const { page, origin, store } = box
    store.devices.save(someDevice({ id: 'd1', label: 'Reception' }))
    store.lines.add({ id: 'l1', deviceId: 'd1', username: 'bl1', label: 'Reception', createdAtMs: 1 }, 'pw')
    // A computer whose clock is an hour ahead: by it, every code would have expired already.
    await page.clock.install({ time: Date.now() + 3_600_000 })
    await claimOnPage(box)
    await page.goto(`${origin}/#/phones`)
    await page.getByRole('button', { name: 'Sign in somebody on Reception' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Nobody is allowed to call from SIP phones yet.').waitFor()
    await dialog.getByText(/the code is valid for 1[45]:\d\d/).waitFor()
    await dialog.getByRole('link', { name: 'People' }).click()
    await page.getByRole('switch', { name: 'Calling on SIP devices for Anna Albrecht' }).click()
    const own = page.getByRole('button', { name: 'Calling policy of Anna Albrecht' })
    await own.getByText('own policy').waitFor()
    t.equal(store.callingPolicies.forUser('anna-id').allowSipDevicesCalling, true)
    await own.click()
    await page.getByRole('button', { name: 'Back to what everybody has' }).click()
    await own.getByText('as everybody').waitFor()
    t.equal(store.callingPolicies.forUser('anna-id').allowSipDevicesCalling, false)
    t.strictSame(box.problems, [])
  },
)

t.test('a name without a space does not widen the page', async (t) => {
  const box = await startWebBox(t, { width: 390 })
  const { page, origin, store } = box
  store.devices.save(someDevice({ id: 'd1', label: 'W'.repeat(60) }))
  await claimOnPage(box)
  await page.goto(`${origin}/#/phones`)
  await page.getByText('WWWW').waitFor()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390)
})
