import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type { SetupView } from '#src/api/schema/setup.ts'
import { openPage, startChromium } from '#test/peers/chromium.ts'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip } from '#test/peers/baresip.ts'
import { freePort } from '#test/peers/free-port.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { adminPassword, Box } from '#test/support/box.ts'
import { KeyboardPerson } from '#test/support/keyboard.ts'
import { Lab, labNumbers } from '#test/support/lab.ts'

// A sealed box and somebody without a mouse: from the claim code to the first answered call, on a phone's width
// and on a desk's. Nothing is clicked; a real phone registers with what the page shows.

const shots = join(tmpdir(), 'branchline-wizard')
const widths = [
  [390, 844],
  [1440, 900],
] as const

let browser: Browser

t.before(async () => {
  mkdirSync(shots, { recursive: true })
  t.comment(`screenshots: ${shots}`)
  browser = await startChromium()
})
t.teardown(() => browser.close())

for (const [width, height] of widths) {
  t.test(`from the claim code to the first call by keyboard, ${width} px wide`, async (t) => {
    const startedAt = performance.now()
    // The time server is loopback: the box asks nobody outside for the time.
    const box = await Box.prepare({ lab: false, settings: { site: { ntpServers: ['127.0.0.1'] } } })
    box.args.push('--lab-port', String(await freePort()))
    t.teardown(async () => {
      await box.stop()
      box.remove()
    })
    await box.start()
    const page = await openPage(browser, { viewport: { width, height } })
    t.teardown(() => page.context().close())
    t.teardown(async () => {
      if (t.passing()) return
      await page.screenshot({ path: join(shots, `failed-${width}.png`), fullPage: true })
      t.comment(`${page.url()}\n${box.output.slice(-4000)}`)
    })
    const problems = watch(page)
    const me = new KeyboardPerson(page)
    const look = (name: string): Promise<void> => lookAt(t, page, `${name}-${width}`)
    const heading = (name: string): Promise<void> =>
      page.getByRole('heading', { name, level: 1, exact: true }).waitFor()
    const arrived = async (name: string): Promise<void> => {
      await heading(name)
      t.match(await me.focused(), { role: 'heading', name }, `the heading “${name}” has the focus`)
    }

    const origin = `https://127.0.0.1:${box.ports.https}`
    await page.goto(origin)
    await page.getByLabel('Claim code').waitFor()
    await look('1-claim')
    await me.type('Claim code', await box.claimCode())
    await me.type('Choose an admin password', adminPassword)
    await me.type('The same password again', adminPassword)
    await me.press('Claim the box')

    await arrived('Network')
    await page.getByText('checking …').first().waitFor({ state: 'detached' })
    await page.getByText('The operating system of this machine manages its network').waitFor()
    await page.getByRole('link', { name: 'Continue' }).waitFor()
    await look('2-network')
    await me.press('Continue')

    await arrived('Time and country')
    await me.type('Country', 'Austria')
    t.equal(await page.getByLabel('Emergency numbers').inputValue(), '112, 133, 144, 122', 'usual in Austria')
    t.equal(await page.getByLabel('Time zone').inputValue(), 'Europe/Vienna')
    await me.type('Emergency numbers', '')
    await page.getByText('Nobody here could call for help.').waitFor()
    await me.press('Save and continue')
    await page.getByText('Without an emergency number nobody here can call for help.').waitFor()
    t.match(await me.focused(), { name: 'Emergency numbers' }, 'the refused field has the focus')
    await look('3-time-refused')
    await me.type('Emergency numbers', '112, 133, 144')
    await look('3-time')
    await me.press('Save and continue')

    await arrived('Certificate')
    await page.getByText('The box signs its own certificate').waitFor()
    await look('4-certificate')
    await me.press('Do this later')

    await arrived('Teams')
    await page.getByRole('button', { name: 'Use the lab' }).waitFor()
    await look('5-teams')
    await me.press('Use the lab')
    await page.getByRole('progressbar').waitFor()
    await look('5-teams-restart')
    await page.getByText('The lab tenant answers on 3 of 3 hosts.').waitFor()
    await look('5-teams-lab')

    // Closed in the middle and opened again: the page goes on where it was.
    await page.goto('about:blank')
    await page.goto(origin)
    await arrived('Phones')
    await page.getByRole('button', { name: 'Allow it for everybody' }).waitFor()
    await look('6-phones')
    await me.press('Allow it for everybody')
    await page.getByText('Allow calling on SIP phones').waitFor({ state: 'detached' })
    const phone = await addPhone(t, page, me, look)
    await signIn(t, page, me, look)

    await page.getByText('Waiting for a call').waitFor()
    await phone.dial(labNumbers.echo)
    await page.getByText(/^Anna Albrecht calls .*: answered\.$/).waitFor()
    await look('7-first-call')
    await phone.waitFor('CALL_ESTABLISHED')
    await heardByLab(box)
    await phone.command('hangup')
    await phone.waitFor('CALL_CLOSED')
    t.match(heardTone(phone.heard(), [440, 1000]), { hz: 440 }, 'the phone heard its echo')
    await page.getByText('A call was answered: the box works.').waitFor()
    await page.getByRole('link', { name: 'Continue' }).waitFor()
    await me.press('Continue')

    await arrived('Done')
    await look('8-done')
    const setup = await page.evaluate<SetupView>(`fetch('/api/setup').then((reply) => reply.json())`)
    t.strictSame(
      setup.steps.map(({ id, state }) => `${id}: ${state}`),
      ['claim', 'network', 'time', 'certificate', 'teams', 'phones', 'done'].map((id) => `${id}: done`),
      'every step is done, by evidence',
    )
    t.equal(setup.resume, null)
    await me.press('Go to the status page')
    await page.getByRole('heading', { name: 'Status', level: 1 }).waitFor()
    await page.goto(origin)
    await page.getByRole('heading', { name: 'Status', level: 1 }).waitFor()
    t.strictSame(problems, [], 'the browser has nothing to complain of')
    t.comment(`${width} px: ${Math.round((performance.now() - startedAt) / 1000)} s`)
  })
}

/** Adds a phone in the dialog and registers a real one with what it shows. */
async function addPhone(
  t: Test,
  page: Page,
  me: KeyboardPerson,
  look: (name: string) => Promise<void>,
): Promise<Baresip> {
  const dialog = page.getByRole('dialog')
  await me.press('Add a phone')
  await me.type(/^Name/, 'Reception')
  await page.keyboard.press('Enter')
  await dialog.getByText('Waiting for the phone to register').waitFor()
  await me.press('Show password')
  await look('6-phones-credentials')
  const shown = async (name: string): Promise<string> =>
    (await dialog.locator('.copy-value', { hasText: name }).locator('code').first().textContent()) ?? ''
  const ports = (await dialog.locator('.copy-value', { hasText: 'Port' }).textContent()) ?? ''
  const phone = await new Baresip({
    username: await shown('User name'),
    password: await shown('Password'),
    server: `${await shown('Server')}:${/UDP (\d+)/.exec(ports)?.[1]}`,
    toneHz: 440,
  }).start()
  t.teardown(() => phone.stop())
  await phone.waitForRegistration()
  await dialog.getByText('The phone is registered').waitFor()
  await me.press('Done')
  await dialog.waitFor({ state: 'detached' })
  return phone
}

/** Signs Anna in: the code from the wizard, entered on the lab's own page, which is as far without a mouse. */
async function signIn(
  t: Test,
  page: Page,
  me: KeyboardPerson,
  look: (name: string) => Promise<void>,
): Promise<void> {
  const dialog = page.getByRole('dialog')
  await me.press('Sign in somebody on Reception')
  const userCode = (await dialog.locator('output').textContent()) ?? ''
  await look('6-phones-sign-in')
  const opened = page.context().waitForEvent('page')
  await me.press(/devicelogin/)
  const tab = await opened
  const there = new KeyboardPerson(tab)
  await tab.getByRole('button', { name: 'Approve' }).waitFor()
  await there.type('Code shown or spoken by the phone', userCode)
  await there.tabTo(/^Anna Albrecht/)
  await tab.keyboard.press('Space')
  t.strictSame(await seriousFindings(tab), [], 'the lab’s page: nothing serious')
  await there.press('Approve')
  await tab.getByText('Anna Albrecht approved the sign-in').waitFor()
  await tab.close()
  await dialog.getByText('Anna Albrecht is signed in on Reception.').waitFor()
  await me.press('Done')
  await dialog.waitFor({ state: 'detached' })
}

/** Waits until the lab has heard two seconds of the call: enough for a tone to be told from noise. */
async function heardByLab(box: Box): Promise<void> {
  const lab = await Lab.of(box)
  const deadline = performance.now() + 30_000
  for (;;) {
    const calls = await lab.calls()
    if (calls.some(({ media }) => media.receivedPackets > 100)) return
    if (performance.now() > deadline) throw new Error(`the lab hears nothing: ${JSON.stringify(calls)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Photographs the page, lets axe judge it, and sees that nothing sticks out at the side. */
async function lookAt(t: Test, page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
  t.strictSame(await seriousFindings(page), [], `${name}: axe finds nothing serious`)
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  t.ok(Number(overflow) <= 0, `${name}: nothing sticks out (${String(overflow)} px)`)
}

/** Collects what the browser complains of; a refusal of the box is an answer, and a restart cuts connections. */
function watch(page: Page): string[] {
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => {
    const expected = /status of (4\d\d|503)|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_SOCKET/
    if (message.type() === 'error' && !expected.test(message.text())) problems.push(message.text())
  })
  return problems
}
