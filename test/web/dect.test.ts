import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createDect, type Dect } from '#src/dect/create-dect.ts'
import { formatIpei } from '#src/model/ipei.ts'
import { someIpei } from '#test/dect/dect-fixture.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { claimOnPage, registerPhone, startWebBox, type WebBox } from './browser-fixture.ts'

/** The page of phones on a box whose DECT side is the real one. */
async function startDectPage(
  t: Test,
  options: Parameters<typeof startWebBox>[1] = {},
): Promise<WebBox & { dect: Dect }> {
  const box = await startWebBox(t, options)
  const dect = createDect({
    store: box.store,
    emergencyNumbers: () => ['112'],
    clock: systemClock,
    random: systemRandom,
    logger: new MemoryLogger(),
  })
  t.teardown(() => dect.stop())
  box.api.attach({ dect })
  await claimOnPage(box)
  await box.page.goto(`${box.origin}/#/phones`)
  await box.page.getByText('A Spectralink IP-DECT server gets').waitFor()
  return { ...box, dect }
}

/** Photographs the page where SCREENSHOTS names a folder. */
async function shoot({ page }: WebBox, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `dect-${name}.png`), fullPage: true })
}

async function expectFits({ page }: WebBox, t: Test, what: string): Promise<void> {
  const wide = await page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  )
  t.equal(wide, false, `${what} scrolls down only`)
  t.strictSame(await seriousFindings(page), [], `${what}: nothing serious for axe`)
}

t.test('a server and a handset come and go with the keyboard alone, at 390 px', async (t) => {
  const box = await startDectPage(t, { width: 390 })
  const { page, store, dect } = box
  const { keyboard } = page
  const dialog = page.getByRole('dialog')
  await expectFits(box, t, 'the empty page')
  await page.getByRole('button', { name: 'Add DECT server' }).focus()
  await keyboard.press('Enter')
  await dialog.waitFor()
  await keyboard.type('Main building')
  await keyboard.press('Tab')
  await keyboard.type('00:90:33:0a:0b:0c')
  await keyboard.press('Tab')
  await keyboard.press('ArrowDown')
  await shoot(box, 'add-server-390')
  await expectFits(box, t, 'adding a server')
  for (const key of ['Tab', 'Tab', 'Enter']) await keyboard.press(key)
  await page.getByRole('heading', { name: 'Main building' }).waitFor()
  await page.getByText('No handsets yet').waitFor()
  const [server] = dect.servers.list()
  t.match(server, { mac: '0090330a0b0c', model: 'IP-DECT Server 400', label: 'Main building' })

  await page.getByRole('button', { name: 'Add handset' }).press('Enter')
  await dialog.getByLabel('IPEI').waitFor()
  await keyboard.type('57005 0782068 1')
  await keyboard.press('Tab')
  await keyboard.type('Ward 3')
  await keyboard.press('Tab')
  await keyboard.type('203')
  await keyboard.press('Enter')
  await dialog.getByText('The check character does not fit').waitFor()
  t.equal(await dialog.getByLabel('IPEI').getAttribute('aria-invalid'), 'true', 'the field is named')
  await shoot(box, 'add-handset-wrong-390')
  await dialog.getByLabel('IPEI').fill('57005-0782068-7')
  await keyboard.press('Enter')
  await dialog.getByText('Set up Ward 3').waitFor()
  const [handset] = dect.handsets.list(server?.id ?? '')
  const code = dect.handsets.accessCode(handset?.device.id ?? '')
  await dialog.getByText(code).waitFor()
  await shoot(box, 'access-code-390')
  await dialog.getByRole('button', { name: 'Done' }).press('Enter')

  await page.getByText('0 of 1 handset registered').waitFor()
  await page.getByRole('button', { name: 'Let handsets subscribe' }).press('Enter')
  await dialog.getByLabel('For').waitFor()
  await expectFits(box, t, 'opening the window')
  for (const key of ['Tab', 'Tab', 'Enter']) await keyboard.press(key)
  await page.getByText('Handsets may subscribe now.').waitFor()
  await page.getByText(/ends this in\s*9:\d\d/).waitFor()
  t.ok(dect.subscription.find(server?.id ?? ''))
  await shoot(box, 'window-open-390')
  await expectFits(box, t, 'the open window')

  const row = page.getByRole('row', { name: 'Ward 3' })
  await row.getByText('not subscribed yet').waitFor()
  await registerPhone(box, handset?.line.username ?? '')
  await row.getByText('● registered').waitFor()
  await page.getByText('1 of 1 handset registered').waitFor()
  await page.getByRole('button', { name: 'End it now' }).press('Enter')
  await page.getByText('Handsets may subscribe now.').waitFor({ state: 'detached' })
  t.equal(dect.subscription.find(server?.id ?? ''), undefined)

  await row.getByRole('button', { name: 'Sign in somebody on Ward 3' }).press('Enter')
  await dialog.getByText('ABCD-EFGH').waitFor()
  await dialog.getByRole('button', { name: 'Close, keep waiting' }).press('Enter')
  await row.getByRole('button', { name: 'Change Ward 3' }).press('Enter')
  await dialog.getByLabel('Name').fill('Ward 4')
  await dialog.getByLabel('Extension').fill('112')
  await keyboard.press('Enter')
  await dialog.getByText('This is a number for emergency calls.').waitFor()
  await dialog.getByLabel('Extension').fill('')
  await keyboard.press('Enter')
  const renamed = page.getByRole('row', { name: 'Ward 4' })
  await renamed.waitFor()

  await renamed.getByRole('button', { name: 'Remove Ward 4' }).press('Enter')
  await dialog.getByText('The other handsets are not touched.').waitFor()
  t.equal(
    await page.evaluate('document.activeElement.textContent'),
    'Keep',
    'the harmless choice has the focus',
  )
  await dialog.getByRole('button', { name: 'Remove handset' }).press('Enter')
  await page.getByText('No handsets yet').waitFor()
  t.equal(store.devices.findByIpei('5700507820687'), undefined)
  await page.getByRole('button', { name: 'Remove Main building' }).press('Enter')
  await dialog.getByRole('button', { name: 'Remove server' }).press('Enter')
  await page.getByText('A Spectralink IP-DECT server gets').waitFor()
  t.strictSame(store.devices.list(), [])
  t.strictSame(box.problems, [])
})

t.test('fifty handsets are pasted in; what is wrong is said row by row', async (t) => {
  const box = await startDectPage(t)
  const { page, dect } = box
  const dialog = page.getByRole('dialog')
  const server = dect.servers.add({ label: 'Clinic', mac: '0090330a0b0c', model: 'IP-DECT Server 6500' })
  await page.reload()
  await page.getByRole('button', { name: 'Paste a list' }).click()
  const rows = Array.from({ length: 50 }, (_, n) => `${formatIpei(someIpei(n))}\tNurse ${n}\t${300 + n}`)
  const broken = rows.with(3, '57005 0001003 0\tNurse 3\t303').with(7, `${rows[6]?.split('\t')[0]}\t\t112`)
  await dialog.getByLabel('Handsets').fill(broken.join('\n'))
  await dialog.getByRole('button', { name: 'Add handsets' }).click()
  await dialog.getByText('4 things to mend; nothing was added.').waitFor()
  await dialog.getByText('Row 7 has this IPEI already.').waitFor()
  await shoot(box, 'paste-1440')
  t.strictSame(dect.handsets.list(server.id), [])
  await dialog.getByLabel('Handsets').fill(rows.join('\n'))
  await dialog.getByRole('button', { name: 'Add handsets' }).click()
  await dialog.getByText('50 handsets added.').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await page.getByText('0 of 50 handsets registered').waitFor()
  await page.getByRole('row', { name: 'Nurse 49' }).waitFor()
  t.equal(await page.getByRole('row').count(), 51)
  await shoot(box, 'fifty-1440')
  await page.getByLabel('Filter handsets of Clinic').fill(someIpei(20).slice(5, 12))
  await page.getByRole('row', { name: 'Nurse 49' }).waitFor({ state: 'detached' })
  t.equal(await page.getByRole('row').count(), 2)
  t.equal(
    await page.getByRole('heading', { name: 'No phones yet' }).count(),
    1,
    'handsets are not listed twice',
  )
  await page.setViewportSize({ width: 390, height: 844 })
  await expectFits(box, t, 'the list')
  await shoot(box, 'filtered-390')
  t.strictSame(box.problems, [])
})
