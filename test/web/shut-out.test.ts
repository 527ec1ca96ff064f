import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BanEvents, BannedAddress, BansPort } from '#src/api/bans-port.ts'
import { EventSource } from '#src/base/events.ts'
import { silentLogger } from '#src/base/logger.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { claimOnPage, startWebBox, type WebBox } from './browser-fixture.ts'

/** Bans that a test makes by hand. */
class FakeBans extends EventSource<BanEvents> implements BansPort {
  kernelState: ReturnType<BansPort['kernel']> = 'on'
  readonly #bans = new Map<string, BannedAddress>()

  constructor() {
    super(silentLogger)
  }

  add(address: string, over: Partial<BannedAddress> = {}): void {
    const nowMs = Date.now()
    this.#bans.set(address, {
      address,
      cause: 'scanner',
      reach: 'udp',
      count: 3,
      firstSeenAtMs: nowMs,
      lastSeenAtMs: nowMs,
      sample: 'OPTIONS sip:100@192.0.2.1 SIP/2.0 | User-Agent: friendly-scanner',
      sinceAtMs: nowMs,
      untilAtMs: nowMs + 600_000,
      times: 1,
      refused: 0,
      ...over,
    })
    this.emit('changed', { address })
  }

  list(): BannedAddress[] {
    return [...this.#bans.values()]
  }

  letIn(address: string): boolean {
    const known = this.#bans.delete(address)
    if (known) this.emit('changed', { address })
    return known
  }

  kernel(): ReturnType<BansPort['kernel']> {
    return this.kernelState
  }
}

async function open(
  t: Test,
  look: { width: number; scheme: 'light' | 'dark' },
): Promise<WebBox & { bans: FakeBans }> {
  const box = await startWebBox(t, look)
  const bans = new FakeBans()
  box.api.attach({ bans })
  await claimOnPage(box, 'correct horse battery')
  return { ...box, bans }
}

/** Photographs the page where SCREENSHOTS names a folder. */
async function shoot({ page }: WebBox, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `shut-out-${name}.png`) })
}

async function expectFits({ page }: WebBox, t: Test, what: string): Promise<void> {
  const wide = await page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  )
  t.equal(wide, false, `${what} scrolls down only`)
  t.strictSame(await seriousFindings(page), [], `${what}: nothing serious for axe`)
}

for (const look of [
  { width: 390, scheme: 'light' },
  { width: 1440, scheme: 'dark' },
] as const) {
  t.test(`who is shut out, let in and never shut out again, by keyboard, ${look.width} px`, async (t) => {
    const box = await open(t, look)
    const { page, bans } = box
    await page.goto(`${box.origin}/#/status`)
    await page.getByRole('heading', { name: 'Parts of the box' }).waitFor()
    t.equal(
      await page.getByRole('heading', { name: 'Shut out' }).count(),
      0,
      'nobody: nothing on the status page',
    )
    bans.add('203.0.113.9')
    bans.add('2001:db8:1:2::/64', {
      cause: 'password',
      reach: 'all',
      count: 41,
      times: 2,
      refused: 1234,
      sample: undefined,
    })
    bans.kernelState = { failure: 'nft failed (1): No such file or directory' }
    await page.getByRole('heading', { name: 'Shut out' }).waitFor()
    await page.getByText('Gave a wrong password or user name 41 times.').waitFor()
    await page.getByText('for the second time').waitFor()
    await page.getByText('1234 packets refused since').waitFor()
    await page.getByText('The firewall of this machine does not help.').waitFor()
    await page.locator('.shut-out summary').first().press('Enter')
    await page.getByText('friendly-scanner').waitFor()
    await page.getByRole('heading', { name: 'Shut out' }).scrollIntoViewIfNeeded()
    await shoot(box, `status-${look.width}`)
    await expectFits(box, t, 'the status page')

    await page.getByRole('button', { name: 'Let in again: 2001:db8:1:2::/64' }).press('Enter')
    await page.getByText('2001:db8:1:2::/64 is let in again.').waitFor()
    t.strictSame(
      bans.list().map(({ address }) => address),
      ['203.0.113.9'],
    )
    await page.locator('#shut-out:focus').waitFor()

    await page.goto(`${box.origin}/#/settings`)
    await page.getByRole('button', { name: 'Never shut out 203.0.113.9 …' }).press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('wrong for strangers').waitFor()
    await shoot(box, `never-${look.width}`)
    await expectFits(box, t, 'the question')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    t.strictSame(box.settings.document, {}, 'Escape changes nothing')
    await page.getByRole('button', { name: 'Never shut out 203.0.113.9 …' }).press('Enter')
    await dialog.getByRole('button', { name: 'Never shut out' }).press('Enter')
    await page.getByText('203.0.113.9 is never shut out again.').waitFor()
    t.strictSame(box.settings.document, { sip: { allowList: ['203.0.113.9'] } })
    await page.locator('#shut-out:focus').waitFor()
    bans.letIn('203.0.113.9')
    await page.getByText('Nobody is shut out.').waitFor()
    await page.getByText('Never shut out: 203.0.113.9').waitFor()
    await shoot(box, `settings-${look.width}`)
    await expectFits(box, t, 'the settings')
    t.strictSame(box.problems, [])
  })
}

t.test('an address whose time is over meanwhile says so, and without a guard there is nothing', async (t) => {
  const box = await open(t, { width: 390, scheme: 'light' })
  const { page, bans } = box
  bans.kernelState = 'off'
  bans.add('203.0.113.9')
  await page.goto(`${box.origin}/#/settings`)
  await page.getByText('The box refuses them by itself').waitFor()
  const button = page.getByRole('button', { name: 'Let in again: 203.0.113.9' })
  await button.waitFor()
  bans.letIn = () => false
  await button.press('Enter')
  await page.getByText('This address is not shut out; its time may be over.').waitFor()
  box.api.attach({ bans: undefined })
  await page.goto(`${box.origin}/#/status`)
  await page.getByRole('heading', { name: 'Parts of the box' }).waitFor()
  await page.goto(`${box.origin}/#/settings`)
  await page.getByRole('heading', { name: 'Restart and reset' }).waitFor()
  t.equal(await page.getByRole('heading', { name: 'Shut out' }).count(), 0)
})
