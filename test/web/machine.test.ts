import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import type { HostControl } from '#src/host/requests/ports.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { claimOnPage, startWebBox, type WebBox } from './browser-fixture.ts'

const password = 'correct horse battery'

/** The page of settings on a machine that notes what it is asked for. */
async function openSettings(
  t: Test,
  options: { ownsMachine: boolean; width?: number },
): Promise<WebBox & { asked: string[]; refuse: (error: ApplianceError | undefined) => void }> {
  const box = await startWebBox(t, options.width === undefined ? {} : { width: options.width })
  const asked: string[] = []
  let refusal: ApplianceError | undefined
  const note = async (what: string): Promise<void> => {
    if (refusal) throw refusal
    asked.push(what)
  }
  const host: HostControl = {
    ownsMachine: options.ownsMachine,
    reboot: () => note('reboot'),
    factoryReset: () => note('factory reset'),
    setTimeZone: (timeZone) => note(timeZone),
  }
  box.api.attach({ host })
  await claimOnPage(box, password)
  await box.page.goto(`${box.origin}/#/settings`)
  await box.page.getByRole('heading', { name: 'Restart and reset' }).waitFor()
  return { ...box, asked, refuse: (error) => (refusal = error) }
}

/** Photographs the page where SCREENSHOTS names a folder. */
async function shoot({ page }: WebBox, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `machine-${name}.png`) })
}

async function expectFits({ page }: WebBox, t: Test, what: string): Promise<void> {
  const wide = await page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  )
  t.equal(wide, false, `${what} scrolls down only`)
  t.strictSame(await seriousFindings(page), [], `${what}: nothing serious for axe`)
}

t.test('a factory reset wants password and words, and leads to the box without an owner', async (t) => {
  const box = await openSettings(t, { ownsMachine: true, width: 390 })
  const { page, asked } = box
  const dialog = page.getByRole('dialog')
  await page.getByRole('button', { name: 'Factory reset …' }).press('Enter')
  await dialog.getByText('This erases what the box was told, and cannot be undone').waitFor()
  await expectFits(box, t, 'the warning')
  await shoot(box, 'reset-390')
  const erase = dialog.getByRole('button', { name: 'Erase everything' })
  await dialog.getByLabel('Admin password').fill('not the password')
  t.equal(await erase.isDisabled(), true, 'not without the words')
  await dialog.getByLabel('Type “factory reset”').fill('Factory Reset')
  await erase.press('Enter')
  await dialog.locator('.problem').waitFor()
  t.equal(
    await dialog.getByLabel('Admin password').getAttribute('aria-invalid'),
    'true',
    'the field is named',
  )
  await shoot(box, 'reset-refused-390')
  t.strictSame(asked, [])

  // What the box does then: it answers nothing, and comes back knowing nobody.
  const unclaimed = { claimed: false, loggedIn: false, lab: true, version: '0.1.0' }
  await page.route('**/api/session', (route) => route.fulfill({ json: unclaimed }))
  await page.route('**/api/health', (route) => route.abort())
  await dialog.getByLabel('Admin password').fill(password)
  await erase.press('Enter')
  await page.getByLabel('Claim code').waitFor()
  t.strictSame(asked, ['factory reset'])
})

t.test('while the new box is not trusted yet, the page says how to go on', async (t) => {
  const box = await openSettings(t, { ownsMachine: false })
  const { page } = box
  const dialog = page.getByRole('dialog')
  await page.getByRole('button', { name: 'Factory reset …' }).click()
  await dialog.getByLabel('Admin password').fill(password)
  await dialog.getByLabel('Type “factory reset”').fill('factory reset')
  // A certificate that nobody has accepted: the browser asks the box nothing.
  await page.route('**/api/**', (route) =>
    route.request().url().endsWith('/factory-reset') ? route.continue() : route.abort('failed'),
  )
  await dialog.getByRole('button', { name: 'Erase everything' }).click()
  await dialog.getByText('the browser warns again').waitFor()
  await shoot(box, 'new-box-1440')
  await page.unroute('**/api/**')
  await dialog.getByRole('button', { name: 'Open the new box' }).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  t.match(new URL(page.url()).pathname, '/', 'the page is loaded anew')
})

t.test('a reboot is confirmed, a refusal is shown, and the page goes on when the box is back', async (t) => {
  const box = await openSettings(t, { ownsMachine: true, width: 390 })
  const { page, asked } = box
  const dialog = page.getByRole('dialog')
  box.refuse(new ApplianceError('HOST_FAILED', {}, { text: 'The machine does not reboot now.' }))
  await page.getByRole('button', { name: 'Reboot …' }).click()
  await dialog.getByText('also not for help').waitFor()
  t.equal(
    await page.evaluate('document.activeElement.textContent'),
    'Keep',
    'the harmless choice has the focus',
  )
  await expectFits(box, t, 'the question')
  await dialog.getByRole('button', { name: 'Reboot' }).click()
  await dialog.getByText('The machine does not reboot now.').waitFor()
  box.refuse(undefined)

  let up = false
  const health = { ...box.health, uptimeS: 0 }
  await page.route('**/api/health', (route) => (up ? route.fulfill({ json: health }) : route.abort('failed')))
  await dialog.getByRole('button', { name: 'Reboot' }).click()
  await dialog.getByText('Waiting for the box to come back').waitFor()
  await shoot(box, 'rebooting-390')
  t.strictSame(asked, ['reboot'])
  up = true
  await page.getByText('The box is back.').waitFor()
  t.equal(await dialog.count(), 0)
})

t.test(
  'on a machine of others the box restarts itself only, and the network is a step of the setup',
  async (t) => {
    const box = await openSettings(t, { ownsMachine: false })
    const { page } = box
    await page.getByRole('button', { name: 'Factory reset …' }).waitFor()
    t.equal(await page.getByRole('button', { name: 'Reboot …' }).count(), 0)
    await page.getByRole('button', { name: 'Restart the box …' }).click()
    await page.getByRole('dialog').getByText('Phones stay registered.').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('main').getByRole('link', { name: 'Network' }).click()
    await page.getByRole('heading', { name: 'Network', level: 1 }).waitFor()
  },
)
