import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

/** How long a page may take to show something: a busy machine draws it late. */
const patienceMs = 120_000

/** Starts Debian's Chromium without a screen; it asks nobody outside for anything. */
export function startChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      ...args,
    ],
  })
}

/** A page in a context of its own, in British English, which takes the box's own certificate. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', ...options })
  context.setDefaultTimeout(patienceMs)
  return context.newPage()
}
