import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { buildWeb } from '../../web/build.ts'
import type { ApiHandle, ApiOptions, BoxHealth, LabPerson } from '#src/api/ports.ts'
import { startApi } from '#src/api/start-api.ts'
import { systemClock } from '#src/base/clock.ts'
import type { Store } from '#src/store/store.ts'
import { openPage, startChromium } from '#test/peers/chromium.ts'
import { FakePbx, FakeSettings, FakeSignIn } from '#test/api/fakes.ts'
import { testOptions } from '#test/api/api-fixture.ts'
import { openTestStore } from '#test/store/store-fixture.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

const labPeople: LabPerson[] = [
  {
    id: 'anna-id',
    upn: 'anna@lab.example',
    displayName: 'Anna Albrecht',
    number: '+493055501001',
    licensed: true,
    canSignIn: true,
    purpose: 'Signs in.',
  },
  {
    id: 'otto-id',
    upn: 'otto@lab.example',
    displayName: 'Otto Ohlsen',
    number: undefined,
    licensed: true,
    canSignIn: true,
    purpose: 'Has a licence and no number: his sign-in is refused.',
  },
  {
    id: 'echo-id',
    upn: 'echo@lab.example',
    displayName: 'Lab echo',
    number: '+493055502002',
    licensed: true,
    canSignIn: false,
    purpose: 'Answers and sends back what it hears.',
  },
]

/** The page on a real API with a real store, and a real Chromium that looks at it. */
export interface WebBox {
  api: ApiHandle
  store: Store
  pbx: FakePbx
  signIn: FakeSignIn
  settings: FakeSettings
  health: BoxHealth
  origin: string
  browser: Browser
  context: BrowserContext
  page: Page
  /** What went wrong in the browser: uncaught errors, refused content, failed loads. */
  problems: string[]
  /** Starts the API anew on the same port; stop `api` first. */
  restart: () => Promise<void>
}

/** Starts box and browser; everything goes with the test. */
export async function startWebBox(
  t: Teardown,
  options: {
    change?: Partial<ApiOptions>
    width?: number
    scheme?: 'light' | 'dark'
    noStore?: boolean
  } = {},
): Promise<WebBox> {
  const webRoot = mkdtempSync(join(tmpdir(), 'branchline-web-'))
  t.teardown(() => rmSync(webRoot, { recursive: true, force: true }))
  await buildWeb(join(webRoot, 'dist'))
  const store = openTestStore(t, { clock: systemClock })
  const pbx = new FakePbx()
  const signIn = new FakeSignIn()
  signIn.pending.expiresAtMs = Date.now() + 15 * 60_000
  const settings = new FakeSettings()
  const health: BoxHealth = {
    state: 'ok',
    version: '0.1.0',
    lab: true,
    parts: [
      { name: 'store', state: 'ok', detail: 'The database is open.', advice: undefined },
      { name: 'sip', state: 'ok', detail: 'Listening on UDP 5060, TCP 5060, TLS 5061.', advice: undefined },
      { name: 'media', state: 'ok', detail: '1 worker, ports 20000 to 20999.', advice: undefined },
    ],
  }
  const apiOptions = await testOptions({
    webRoot: join(webRoot, 'dist'),
    clock: systemClock,
    logger: new MemoryLogger(),
    health: () => health,
    parts: {
      ...(options.noStore ? {} : { store }),
      settings,
      pbx,
      signIn,
      lab: { pageUrl: 'https://127.0.0.1:8444/device', people: () => Promise.resolve(labPeople) },
    },
    // Nobody answers there: a test asks nothing of the world outside.
    setup: {
      certificateFolder: join(webRoot, 'certificates'),
      probes: {
        dnsServers: ['127.0.0.1:1'],
        ntpPort: 1,
        dateUrl: 'https://127.0.0.1:1/',
        identity: { authorityHost: 'https://127.0.0.1:1', graphUrl: 'https://127.0.0.1:1', caPem: [] },
      },
    },
    ...options.change,
  })
  const api = await startApi(apiOptions)
  t.teardown(() => api.stop())
  const browser = await startChromium()
  t.teardown(() => browser.close())
  const origin = `https://127.0.0.1:${api.httpsPort}`
  const page = await openPage(browser, {
    viewport: { width: options.width ?? 1440, height: options.width === 390 ? 844 : 900 },
    colorScheme: options.scheme ?? 'light',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => {
    // A refused login is an answer of the box, not a fault of the page.
    if (message.type() === 'error' && !/status of 4\d\d|status of 503/.test(message.text())) {
      problems.push(message.text())
    }
  })
  const restart = async (): Promise<void> => {
    const { httpsPort } = api
    const next = await startApi({ ...apiOptions, listen: { ...apiOptions.listen, httpsPort } })
    t.teardown(() => next.stop())
  }
  const context = page.context()
  return { api, store, pbx, signIn, settings, health, origin, browser, context, page, problems, restart }
}

/** Claims the box through the page, which leads on into the setup, and goes to the status page. */
export async function claimOnPage(box: WebBox, password = 'correct horse battery'): Promise<void> {
  const { page, api, origin } = box
  await page.goto(origin)
  await page.getByLabel('Claim code').fill(api.claimCode() ?? 'none')
  await page.getByLabel('Choose an admin password').fill(password)
  await page.getByLabel('The same password again').fill(password)
  await page.getByRole('button', { name: 'Claim the box' }).click()
  await page.getByRole('heading', { name: 'Network', level: 1 }).waitFor()
  await page.goto(`${origin}/#/status`)
  await page.getByRole('heading', { name: 'Status', level: 1 }).waitFor()
}

/** Lets a phone register the line, as the call side would. */
export async function registerPhone(box: WebBox, username: string): Promise<void> {
  const nowMs = Date.now()
  const bindings = await box.store.bindings.change(username, nowMs, () => [
    {
      aor: username,
      contactUri: `sip:${username}@192.168.10.23:5060`,
      instanceId: undefined,
      callId: 'c1',
      cseq: 1,
      qThousandths: 1000,
      expiresAtMs: nowMs + 600_000,
      registeredAtMs: nowMs,
      flow: { protocol: 'tcp', host: '192.168.10.23', port: 5060 },
      userAgent: 'Linphone/5.2',
    },
  ])
  box.pbx.emit('bindingChanged', { aor: username, bindings })
}
