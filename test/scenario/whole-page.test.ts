import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { openPage, startChromium } from '#test/peers/chromium.ts'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip } from '#test/peers/baresip.ts'
import { adminPassword, Box } from '#test/support/box.ts'
import { labNumbers } from '#test/support/lab.ts'

// The page of the whole box in Chromium, with a real phone and the lab: from the printed code to an explained call.

const shots = join(tmpdir(), 'branchline-screenshots')

t.test('claim, add a phone, sign in through the lab, call, hang up on the page', async (t) => {
  mkdirSync(shots, { recursive: true })
  t.comment(`screenshots: ${shots}`)
  const box = await Box.prepare({ lab: true })
  t.teardown(async () => {
    await box.stop()
    box.remove()
  })
  await box.start()
  const browser = await startChromium()
  t.teardown(() => browser.close())
  const page = await openPage(browser)
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) problems.push(message.text())
  })
  const goTo = (name: string): Promise<void> =>
    page.getByRole('navigation').getByRole('link', { name }).click()
  const dialog = page.getByRole('dialog')

  await page.goto(`https://127.0.0.1:${box.ports.https}`)
  await page.getByText('lab', { exact: true }).waitFor()
  await shoot(page, '1-claim')
  await page.getByLabel('Claim code').fill(await box.claimCode())
  await page.getByLabel('Choose an admin password').fill(adminPassword)
  await page.getByLabel('The same password again').fill(adminPassword)
  await page.getByRole('button', { name: 'Claim the box' }).click()
  await page.getByRole('heading', { name: 'Network', level: 1 }).waitFor()
  await goTo('Status')
  await page.getByRole('heading', { name: 'Status', level: 1 }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Admin password').fill(adminPassword)
  await shoot(page, '2-login')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'To the first call' }).waitFor()
  await shoot(page, '3-status')

  await goTo('People')
  const everybody = page.getByRole('list', { name: 'Calling policy of everybody' })
  await everybody.getByRole('switch', { name: 'Calling on SIP devices' }).click()
  await shoot(page, '4-people')

  await goTo('Phones')
  await page.getByRole('button', { name: 'Add phone' }).click()
  await dialog.getByLabel('Name').fill('Reception')
  await dialog.getByRole('button', { name: 'Add phone' }).click()
  await dialog.getByText('Waiting for the phone to register').waitFor()
  await dialog.getByRole('button', { name: 'Show password' }).click()
  await shoot(page, '5-credentials')
  // What a person would type into the phone, read from the page.
  const shown = async (name: string): Promise<string> =>
    (await dialog.locator('.copy-value', { hasText: name }).locator('code').first().textContent()) ?? ''
  const port = /UDP (\d+)/.exec(
    (await dialog.locator('.copy-value', { hasText: 'Port' }).textContent()) ?? '',
  )?.[1]
  const phone = await new Baresip({
    username: await shown('User name'),
    password: await shown('Password'),
    server: `${await shown('Server')}:${port}`,
    toneHz: 440,
  }).start()
  t.teardown(() => phone.stop())
  await phone.waitForRegistration()
  await dialog.getByText('The phone is registered').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  const entry = page.getByRole('listitem', { name: 'Reception' })
  await entry.getByText('baresip').waitFor()
  await shoot(page, '6-phones')

  await entry.getByRole('button', { name: 'Sign in somebody on Reception' }).click()
  const userCode = (await dialog.locator('output').textContent()) ?? ''
  await shoot(page, '7-sign-in')
  const opened = page.context().waitForEvent('page')
  await dialog.getByRole('link', { name: /devicelogin/ }).click()
  const tab = await opened
  await tab.getByLabel('Code shown or spoken by the phone').fill(userCode)
  await tab.getByRole('radio', { name: /^Anna Albrecht/ }).check()
  await shoot(tab, '8-lab')
  await tab.getByRole('button', { name: 'Approve' }).click()
  await tab.getByText('Anna Albrecht approved the sign-in').waitFor()
  await tab.close()
  await dialog.getByText('Anna Albrecht is signed in on Reception.').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await entry.getByText(labNumbers.anna).waitFor()

  await goTo('Live calls')
  await page.getByText('No calls right now').waitFor()
  await phone.dial(labNumbers.echo)
  const row = page.getByRole('row', { name: labNumbers.echo })
  await row.getByText('answered').waitFor()
  await row.getByText('0:02').waitFor()
  await shoot(page, '9-live')
  await row.getByRole('button', { name: 'Hang up the call from Anna Albrecht' }).click()
  await dialog.getByRole('button', { name: 'Hang up' }).click()
  await phone.waitFor('CALL_CLOSED')
  await page.getByText('No calls right now').waitFor()
  t.match(heardTone(phone.heard(), [440, 1000]), { hz: 440 }, 'the phone heard its echo')

  await goTo('Call log')
  await page.getByRole('row', { name: 'The call was ended on the setup page.' }).waitFor()
  await shoot(page, '10-log')
  await goTo('Status')
  await page.getByText('1 / 1').waitFor()
  t.equal(await page.getByRole('heading', { name: 'To the first call' }).count(), 0, 'all steps are done')
  await shoot(page, '11-status')
  await goTo('Settings')
  await page.getByRole('group', { name: 'SIP', exact: true }).first().waitFor()
  await shoot(page, '12-settings')
  t.strictSame(problems, [])
})

/** Photographs the page as a desk and as a phone held upright show it. */
async function shoot(page: Page, name: string): Promise<void> {
  for (const [width, height] of [
    [390, 844],
    [1440, 900],
  ] as const) {
    await page.setViewportSize({ width, height })
    await page.screenshot({ path: join(shots, `${name}-${width}.png`), fullPage: true })
  }
}
