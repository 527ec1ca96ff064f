import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createProvisioning } from '#src/provisioning/create-provisioning.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import { YealinkPhone } from '#test/provisioning/yealink-phone.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { claimOnPage, registerPhone, startWebBox, type WebBox } from './browser-fixture.ts'

/** To be looked at by a person. */
const shots = join(tmpdir(), 'branchline-screenshots')
mkdirSync(shots, { recursive: true })

/** The page of a box that configures phones, and a way to plug them in. */
async function startOffice(
  t: Test,
  width?: number,
): Promise<{ box: WebBox; plugIn: (mac: string, firmware: string) => Promise<string> }> {
  const box = await startWebBox(t, width === undefined ? {} : { width })
  const { store, api, signIn, pbx } = box
  const provisioning = createProvisioning({
    store,
    settings: defaultSettings,
    box: () => ({
      address: undefined,
      names: [],
      httpPort: api.httpPort,
      httpsPort: api.httpsPort,
      udpPort: 5060,
      tcpPort: 5060,
      tlsPort: 5061,
      realm: 'branchline',
    }),
    signIn,
    calls: pbx,
    clock: systemClock,
    random: systemRandom,
    logger: new MemoryLogger(),
  })
  t.teardown(() => provisioning.stop())
  api.attach({ provisioning })
  await claimOnPage(box)
  return {
    box,
    /** Asks as a phone does for the first time; resolves with what its own file says. */
    async plugIn(mac, firmware) {
      const phone = new YealinkPhone({
        mac,
        model: 'T46S',
        commonFile: 'y000000000066.cfg',
        firmware,
        url: `http://127.0.0.1:${api.httpPort}/`,
      })
      return (await phone.page(`${phone.url}${mac}.cfg`)).text
    },
  }
}

t.test('a found phone is adopted by keyboard, on a telephone’s screen', async (t) => {
  const { box, plugIn } = await startOffice(t, 390)
  const { page, store, origin } = box
  await page.goto(`${origin}/#/phones`)
  await page.getByText('No phone waits to be adopted.').waitFor()
  // Nothing has asked yet: the page says where phones have to ask.
  await page.getByText(`http://127.0.0.1:${box.api.httpPort}/`).waitFor()
  await plugIn('805ec0a1b2c3', '66.85.0.5')
  await plugIn('805ec0a1b2c4', '66.82.0.20')
  await page.getByText('2 phones to adopt').waitFor()
  await page.getByText('Adopt what was found').waitFor()
  t.equal(await page.getByText('No phones yet').count(), 0, 'nobody is told to add one by hand first')
  await page.getByText('Firmware 66.85.0.5 is the approved version.').waitFor()
  await page.getByText('older than the minimum').waitFor()
  const [device] = store.devices.list().filter(({ mac }) => mac === '805ec0a1b2c3')
  const username = store.lines.listByDevice(device?.id ?? '')[0]?.username ?? ''
  await registerPhone(box, username)
  await page.getByText('registered: it can sign in and call for help').waitFor()
  await page.screenshot({ path: join(shots, 'found-390.png'), fullPage: true })
  const wide = await page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  )
  t.equal(wide, false, 'nothing is cut off at 390 px')

  await page.getByRole('button', { name: 'Adopt Yealink T46S (a1b2c3)' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('1 phone to adopt').waitFor()
  await page.getByRole('heading', { name: 'Yealink T46S (a1b2c3)', level: 2 }).waitFor()
  t.equal(store.devices.findByMac('805ec0a1b2c3')?.state, 'onboarded')
  t.equal(store.devices.findByMac('805ec0a1b2c4')?.state, 'found')
  t.strictSame(box.problems, [])
})

t.test('while the window is open, whatever asks is adopted; a second asker needs the admin', async (t) => {
  const { box, plugIn } = await startOffice(t)
  const { page, store, origin } = box
  await page.goto(`${origin}/#/phones`)
  await plugIn('805ec0a1b2c3', '66.85.0.5')
  await page.getByText('1 phone to adopt').waitFor()
  await page.getByRole('button', { name: 'Adopt new phones …' }).click()
  await page.getByText('The 1 phone found so far is adopted at once.').waitFor()
  await page.getByLabel('For how long').selectOption('5')
  await page.getByRole('button', { name: 'Start adopting' }).click()
  await page.getByText('Every phone that asks is adopted.').waitFor()
  await page.getByText('No phone waits to be adopted.').waitFor()
  t.match(await page.getByRole('timer').textContent(), /^[45]:\d\d$/)
  await plugIn('805ec0a1b2c4', '66.86.0.15')
  await page.getByRole('heading', { name: 'Yealink T46S (a1b2c4)', level: 2 }).waitFor()
  t.equal(store.devices.findByMac('805ec0a1b2c4')?.state, 'onboarded')
  await page.getByRole('button', { name: 'Stop adopting' }).click()
  await page.getByText('Every phone that asks is adopted.').waitFor({ state: 'detached' })
  await plugIn('805ec0a1b2c5', '66.86.0.15')
  await page.getByText('1 phone to adopt').waitFor()

  const device = store.devices.findByMac('805ec0a1b2c4')
  const access = store.deviceAccess.find(device?.id ?? '')
  if (!access) throw new Error('the phone has no access')
  store.deviceAccess.save({ ...access, fetchedAtMs: Date.now() })
  t.match(await plugIn('805ec0a1b2c4', '66.86.0.15'), /Not found/)
  await page.getByText('127.0.0.1 asked for the configuration of Yealink T46S (a1b2c4)').waitFor()
  await page.screenshot({ path: join(shots, 'found-1440.png'), fullPage: true })
  await page.getByRole('button', { name: 'Allow Yealink T46S (a1b2c4) to start anew' }).click()
  await page.getByRole('button', { name: 'Allow again', exact: true }).click()
  await page.getByText('asked for the configuration of').waitFor({ state: 'detached' })
  t.match(await plugIn('805ec0a1b2c4', '66.86.0.15'), /auto_provision\.server\.url/)
  t.strictSame(box.problems, [])
})
