import type { Browser, Locator, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { openPage, startChromium } from '#test/peers/chromium.ts'
import { addPhone, allowSipDevices, plugIn, signIn } from '#test/scenario/office.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { adminPassword, Box } from '#test/support/box.ts'
import { ask } from '#test/support/https.ts'
import { Lab, labNumbers } from '#test/support/lab.ts'

// axe-core over every page of a whole box in Chromium: the pages are found by following the links, the dialogs by
// pressing what opens them, so that a page that somebody adds is judged without being listed here.

/** Buttons that open something and change nothing by that. */
const opener =
  /^(Add|Messages|Rename|Remove|Credentials|Code|Sign |Set up|Change |Open|Paste|Announce|Show who|own policy|as everybody)|…$/
/** Pages that a box with everything on it has at least. */
const knownPages = ['status', 'phones', 'common-area', 'people', 'live', 'log', 'settings', 'setup/teams']

let box: Box
let browser: Browser

t.before(async () => {
  box = await Box.prepare({ lab: true, settings: { site: { ntpServers: ['127.0.0.1'] } } })
  await box.start()
  browser = await startChromium()
})
t.teardown(async () => {
  await browser.close()
  await box.stop()
  box.remove()
})

const looks = [
  { width: 390, height: 844, scheme: 'light' },
  { width: 1440, height: 900, scheme: 'dark' },
] as const

async function open(t: Test, look: (typeof looks)[number]): Promise<Page> {
  const { width, height, scheme } = look
  const page = await openPage(browser, {
    viewport: { width, height },
    colorScheme: scheme,
  })
  t.teardown(() => page.context().close())
  await page.goto(`https://127.0.0.1:${box.ports.https}`)
  return page
}

t.test('claim', async (t) => {
  for (const look of looks) {
    const page = await open(t, look)
    await page.getByLabel('Claim code').waitFor()
    await judge(t, page, `claim ${look.width}`)
    await page.getByLabel('Claim code').fill('1')
    await page.getByLabel('Choose an admin password').fill('short')
    await page.getByLabel('The same password again').fill('another')
    await page.getByRole('button', { name: 'Claim the box' }).click()
    await page.getByText('The two passwords differ.').waitFor()
    await judge(t, page, `claim refused ${look.width}`)
  }
})

t.test('every page and dialog of a box in use', async (t) => {
  await box.logIn()
  await useBox(t)
  // At the same time: most of it is waiting for the box and for Chromium.
  await Promise.all(
    looks.map(async (look) => {
      const page = await open(t, look)
      await page.getByLabel('Admin password').waitFor()
      await judge(t, page, `login ${look.width}`)
      await page.getByLabel('Admin password').fill(adminPassword)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByRole('navigation', { name: 'Pages' }).waitFor()
      const seen = await judgeAll(t, page, look.width)
      for (const name of knownPages) t.ok(seen.pages.includes(`#/${name}`), `${name} was judged`)
      t.ok(seen.dialogs >= 15, `${seen.dialogs} dialogs and folded parts were judged`)
      t.comment(`${look.width} ${look.scheme}: ${seen.pages.join(' ')}; ${seen.dialogs} openings`)
    }),
  )
})

/** Follows every link of the page to itself and presses every opener on the way. */
async function judgeAll(t: Test, page: Page, width: number): Promise<{ pages: string[]; dialogs: number }> {
  const waiting = ['#/setup/claim', ...(await links(page))]
  const pages: string[] = []
  const pressed = new Set<string>()
  let dialogs = 0
  for (let href = waiting.shift(); href !== undefined; href = waiting.shift()) {
    if (pages.includes(href) || href === '#content' || href === '#/setup') continue
    pages.push(href)
    await show(page, href)
    await judge(t, page, `${href} ${width}`)
    waiting.push(...(await links(page)))
    for (const name of await openers(page)) {
      // The same window of another phone is the same window.
      const kind = name.replace(/ (of|on|for|out|somebody) .*$/, '')
      if (pressed.has(kind)) continue
      pressed.add(kind)
      if (await judgeOpened(t, page, href, name, width)) dialogs++
    }
  }
  return { pages, dialogs }
}

async function judgeOpened(t: Test, page: Page, href: string, name: string, width: number): Promise<boolean> {
  const button = page.getByRole('main').getByRole('button', { name, exact: true }).first()
  if (!(await button.isVisible()) || !(await button.isEnabled())) return false
  await button.click()
  await settled(page)
  await judge(t, page, `${href} ${width}: ${name}`)
  await shut(page, button)
  return true
}

/** Closes what was opened, confirming nothing; a page that changed altogether is read anew. */
async function shut(page: Page, button: Locator): Promise<void> {
  const dialog = page.getByRole('dialog')
  if ((await dialog.count()) > 0) {
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  } else if ((await button.count()) > 0 && (await button.getAttribute('aria-expanded')) === 'true') {
    await button.click()
  } else {
    await page.reload()
    await page.getByRole('main').getByRole('heading').first().waitFor()
  }
  await settled(page)
}

async function show(page: Page, href: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(href)}`)
  await page.getByRole('main').getByRole('heading').first().waitFor()
  await settled(page)
}

/** Waits until nothing is being read or checked any more. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(`new Promise((done) => {
    const busy = () => document.querySelector('.loading') || document.body.innerText.includes('checking …')
    const look = () => (busy() ? setTimeout(look, 40) : done(true))
    setTimeout(look, 80)
  })`)
}

function links(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(
    `[...document.querySelectorAll('a[href^="#/"]')].map((link) => link.getAttribute('href'))`,
  )
}

/** Names of the buttons in the page's content that open something. */
async function openers(page: Page): Promise<string[]> {
  const names = await page.evaluate<string[]>(
    `[...document.querySelectorAll('main button')]
      .filter((one) => !one.disabled)
      .map((one) => (one.getAttribute('aria-label') ?? one.textContent).trim())`,
  )
  return [...new Set(names)].filter((name) => opener.test(name))
}

async function judge(t: Test, page: Page, name: string): Promise<void> {
  t.strictSame(await seriousFindings(page), [], name)
}

/** Fills the box: phones in every state, a found one, DECT, announced ones, a call that rings and one that failed. */
async function useBox(t: Test): Promise<void> {
  await allowSipDevices(box)
  const line = await addPhone(box, 'Reception')
  await addPhone(box, 'Workshop')
  const { device } = await box.json<{ device: { id: string } }>('/api/dect/servers', {
    body: { label: 'Warehouse', mac: '00:13:d1:00:00:01', model: 'IP-DECT Server 400' },
  })
  await box.json(`/api/devices/${device.id}/handsets`, {
    body: { handsets: [{ ipei: '12345 0789012', label: 'Forklift', extension: '41' }] },
  })
  await box.json('/api/enrolments', {
    body: { devices: [{ address: '00:15:65:aa:bb:01', label: 'Lobby', location: 'Ground floor' }] },
  })
  await ask(`http://127.0.0.1:${box.ports.http}/001565aabb02.cfg`, {
    headers: { 'user-agent': 'Yealink SIP-T46S 66.85.0.5 00:15:65:aa:bb:02' },
  })
  const phone = await plugIn(box, line, { toneHz: 440 })
  t.teardown(() => phone.stop())
  await signIn(box, await Lab.of(box), line, 'anna')
  await phone.dial(labNumbers.busy)
  await phone.waitFor('CALL_CLOSED')
  await phone.dial(labNumbers.neverAnswers)
  await phone.waitFor('CALL_RINGING')
}
