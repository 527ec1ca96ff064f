import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createOnboarding } from '#src/onboarding/onboarding.ts'
import type { Onboarding } from '#src/onboarding/ports.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import { someDevice, someLine, temporaryDirectory } from '#test/store/store-fixture.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { claimOnPage, startWebBox, type WebBox } from './browser-fixture.ts'

/** The page on a box whose onboarding is the real one. */
async function startCommonArea(
  t: Test,
  options: Parameters<typeof startWebBox>[1] = {},
): Promise<WebBox & { onboarding: Onboarding }> {
  const box = await startWebBox(t, options)
  const settings = defaultSettings()
  const onboarding = createOnboarding({
    store: box.store,
    signIn: box.signIn,
    settings: () => settings,
    linesInCall: () => new Set(),
    clock: systemClock,
    random: systemRandom,
    logger: new MemoryLogger(),
  })
  box.api.attach({ onboarding })
  await claimOnPage(box)
  await box.page.goto(`${box.origin}/#/common-area`)
  await box.page.getByText('No common area phones yet').waitFor()
  return { ...box, onboarding }
}

/** Photographs the page where SCREENSHOTS names a folder. */
async function shoot({ page }: WebBox, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  for (const [width, height] of [
    [390, 844],
    [1440, 900],
  ] as const) {
    await page.setViewportSize({ width, height })
    await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true })
  }
}

t.test('a phone is announced with the keyboard alone, enrolled, and its account signed in', async (t) => {
  const box = await startCommonArea(t)
  const { page, store, onboarding } = box
  const { keyboard } = page
  await page.getByRole('button', { name: 'Announce a phone' }).focus()
  await keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  await keyboard.type('00:15:65:12:34')
  await keyboard.press('Tab')
  await keyboard.type('Lobby')
  await keyboard.press('Tab')
  await keyboard.type('Ground floor, left')
  await keyboard.press('Enter')
  await dialog.getByText('is neither a MAC address').waitFor()
  t.equal(
    await dialog.getByLabel('MAC address or IPEI').getAttribute('aria-invalid'),
    'true',
    'the field is named',
  )
  await dialog.getByLabel('MAC address or IPEI').fill('00:15:65:12:34:56')
  await keyboard.press('Enter')
  await dialog.getByText('is announced').first().waitFor()
  const { code = '' } = store.enrolments.findByMac('001565123456') ?? {}
  await dialog.getByText(`*55* ${code.slice(0, 4)} ${code.slice(4)}`).waitFor()
  t.same(await seriousFindings(page), [], 'axe on the announced phone')
  await page.setViewportSize({ width: 390, height: 844 })
  const lines = `(({ offsetHeight }, { fontSize }) => offsetHeight / parseFloat(fontSize))(
    ...((output) => [output, getComputedStyle(output)])(document.querySelector('dialog output')))`
  t.ok(Number(await page.evaluate(lines)) < 2, 'what to dial stands on one line of a narrow screen')
  t.equal(
    await dialog.evaluate('document.querySelector(".dialog-body").scrollWidth'),
    await dialog.evaluate('document.querySelector(".dialog-body").clientWidth'),
    'and fits',
  )
  await page.setViewportSize({ width: 1440, height: 900 })
  await dialog.getByRole('button', { name: 'Copy what to dial' }).click()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), `*55*${code}`)
  await shoot(box, 'announced')
  await dialog.getByRole('button', { name: 'Done' }).press('Enter')

  const row = page.getByRole('row', { name: 'Lobby' })
  await row.getByText('not seen so far').waitFor()
  store.devices.save(someDevice({ id: 'd', mac: '001565123456', state: 'found', label: 'Yealink T46S' }))
  store.lines.add(someLine({ id: 'l', deviceId: 'd', username: 'bl1' }), 'secret')
  t.equal(onboarding.enrol('l', code).kind, 'enrolled')
  await row.getByText('nobody signed in').waitFor()
  t.equal(await page.getByText(code.slice(4)).count(), 0, 'the used code is gone')
  await row.getByRole('button', { name: 'Sign in somebody on Lobby' }).click()
  await dialog.getByText('ABCD-EFGH').waitFor()
  t.same(box.signIn.actions, ['begin l admin'])
  await dialog.getByRole('button', { name: 'Close, keep waiting' }).click()

  await row.getByRole('button', { name: 'New code for Lobby' }).click()
  await dialog.getByText('The phone stays as it is.').waitFor()
  await dialog.getByRole('button', { name: 'Make a new code' }).click()
  await dialog.getByText('*55*').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await row.getByText('waiting').waitFor()
  await row.getByRole('button', { name: 'Remove Lobby from the list' }).click()
  await dialog.getByRole('button', { name: 'Take off the list' }).click()
  await page.getByText('No common area phones yet').waitFor()
  t.same(store.enrolments.list(), [])
  t.strictSame(box.problems, [])
})

t.test('a list is previewed, its broken rows are explained, its good rows imported', async (t) => {
  const box = await startCommonArea(t)
  const { page, store } = box
  const folder = temporaryDirectory(t)
  const rows = Array.from(
    { length: 12 },
    (_, index) => `00156500${String(index).padStart(4, '0')};Corridor ${index + 1}`,
  )
  const file = join(folder, 'phones.csv')
  writeFileSync(
    file,
    ['MAC id;Location', ...rows, 'nonsense;Lobby', '001565000003;Again', '001565999999;'].join('\r\n'),
  )
  await page.getByRole('button', { name: 'Import a list' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('CSV file').setInputFiles(file)
  await dialog.getByText('3 rows cannot be imported').waitFor()
  await dialog.getByText('The same device stands in line 5 already.').waitFor()
  await dialog.getByText('The location is missing.').waitFor()
  await dialog.getByText('Nothing is saved yet.').waitFor()
  t.same(store.enrolments.list(), [])
  t.same(await seriousFindings(page), [], 'axe on the preview')
  await shoot(box, 'import')
  await dialog.getByRole('button', { name: 'Import the 12 good rows' }).click()
  await dialog.getByText('12 phones announced.').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('row', { name: 'Corridor 12' }).waitFor()
  t.equal(store.enrolments.list().length, 12)
  t.same(await seriousFindings(page), [], 'axe on the list')
  await shoot(box, 'list')

  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Codes as CSV' }).click()
  const saved = await (await download).path()
  const text = readFileSync(saved, 'utf8')
  for (const { code } of store.enrolments.list()) t.ok(text.includes(`*55*${code}`))

  await page.emulateMedia({ media: 'print' })
  t.equal(await page.getByRole('navigation').isVisible(), false, 'paper needs no navigation')
  t.equal(await page.getByRole('button', { name: 'New code for Corridor 1', exact: true }).isVisible(), false)
  t.equal(await page.getByRole('row', { name: 'Corridor 12' }).isVisible(), true)
  await shoot(box, 'print')
  await page.emulateMedia({ media: 'screen' })
  t.strictSame(box.problems, [])
})

t.test('a file that is none says so, and the next one is read', async (t) => {
  const box = await startCommonArea(t)
  const { page } = box
  const folder = temporaryDirectory(t)
  const workbook = join(folder, 'phones.csv')
  writeFileSync(workbook, Buffer.from('PK\u0003\u0004 and so on', 'latin1'))
  await page.getByRole('button', { name: 'Import a list' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('CSV file').setInputFiles(workbook)
  await dialog.getByText('This is a workbook, not a CSV file.').waitFor()
  const good = join(folder, 'good.csv')
  writeFileSync(good, '001565000001,Lobby\n')
  await dialog.getByLabel('CSV file').setInputFiles(good)
  await dialog.getByRole('button', { name: 'Import the 1 good row' }).waitFor()
  t.equal(await dialog.getByText('workbook').count(), 0)
  t.strictSame(box.problems, [])
})

t.test(
  'an off-boarded phone says since when and why, and comes back; all of it on a phone held upright',
  async (t) => {
    const box = await startCommonArea(t, { width: 390, scheme: 'dark' })
    const { page, store, onboarding } = box
    onboarding.announce(
      [
        {
          mac: '001565000001',
          ipei: undefined,
          label: 'Lobby of the west wing',
          location: 'Building A, ground floor',
        },
      ],
      'admin',
    )
    store.devices.save(someDevice({ id: 'd', mac: '001565000001', label: 'Lobby of the west wing' }))
    store.lines.add(someLine({ id: 'l', deviceId: 'd', username: 'bl1' }), 'secret')
    await onboarding.offBoard('d', 'admin')
    const entry = page.getByRole('listitem').filter({ hasText: 'Off-boarded by the admin.' })
    await entry.waitFor()
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, 'no sideways scroll')
    t.same(await seriousFindings(page), [], 'axe on the off-boarded, in the dark')
    await shoot(box, 'off-boarded')
    await page.setViewportSize({ width: 390, height: 844 })
    await entry.getByRole('button', { name: 'Bring back Lobby of the west wing' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Bring back' }).click()
    await page.getByText('None.').waitFor()
    t.equal(store.devices.find('d')?.state, 'onboarded')
    t.strictSame(box.problems, [])
  },
)
