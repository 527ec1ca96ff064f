import t from 'tap'
import type { NetworkConfiguration, NetworkControl } from '#src/host/network/ports.ts'
import { createSettingsService } from '#src/settings/settings-service.ts'
import { fakeNetwork } from '#test/api/fakes.ts'
import { startTestLab } from '#test/lab/lab-fixture.ts'
import { seriousFindings } from '#test/support/axe.ts'
import { makeCa } from '#test/support/certificates.ts'
import { KeyboardPerson } from '#test/support/keyboard.ts'
import { claimOnPage, startWebBox, type WebBox } from './browser-fixture.ts'

/** A box with real settings and no tenant: the fakes of the fixture stand for the rest. */
async function startBox(
  t: Parameters<typeof startWebBox>[0],
  options: Parameters<typeof startWebBox>[1] = {},
): Promise<WebBox> {
  const box = await startWebBox(t, options)
  box.health.lab = false
  box.pbx.trunkList = []
  box.api.attach({
    settings: createSettingsService({ store: box.store.settings }),
    network: fakeNetwork(),
  })
  return box
}

t.test('one’s own tenant by keyboard: ids, app registration, script, checks, certificate', async (t) => {
  const lab = await startTestLab(t, { codeIntervalMs: 100 })
  const { authorityHost, graphUrl, caPem, tenantId, clientId } = lab.endpoints
  const box = await startBox(t, {
    width: 390,
    change: {
      setup: {
        certificateFolder: t.testdir(),
        probes: { dnsServers: ['127.0.0.1:1'], identity: { authorityHost, graphUrl, caPem } },
      },
    },
  })
  const { page, origin } = box
  const me = new KeyboardPerson(page)
  await claimOnPage(box)
  await page.goto(`${origin}/#/setup/teams`)
  await me.press('Set up my own tenant …')
  await page.getByText('Enter the ids first.').first().waitFor()

  await me.type('Tenant id (Directory id)', 'contoso')
  await me.type('Application (client) id', clientId)
  await me.type('Name of this box in Teams', 'sbc.contoso.onmicrosoft.com')
  await page.keyboard.press('Enter')
  const problems = page.locator('.problem')
  await problems.getByText('Enter the tenant id as Entra shows it.').waitFor()
  await problems.getByText('Teams takes no name under onmicrosoft.com').waitFor()
  t.match(await me.focused(), { name: 'Tenant id (Directory id)' }, 'the first refused field has the focus')
  await me.type('Tenant id (Directory id)', tenantId)
  await me.type('Name of this box in Teams', 'sbc.contoso.com')
  await page.keyboard.press('Enter')
  await page.getByText('Saved.').waitFor()

  await me.press('Get a code')
  const code = (await page.locator('output').textContent()) ?? ''
  t.strictSame(await seriousFindings(page), [])
  await lab.decide(code, 'approve', 'anna')
  await page.getByText('Anna Albrecht has signed in to it.').waitFor()
  const script = await page.getByLabel('branchline-sbc.contoso.com.ps1').inputValue()
  t.match(script, /New-CsOnlinePSTNGateway -Fqdn 'sbc\.contoso\.com'/)
  await me.press('Copy the script')
  t.equal(await page.evaluate('navigator.clipboard.readText()'), script)
  await me.press('Check now: Names of Teams')
  await page.getByText('DNS does not know 3 of 3 signalling hosts of Teams.').waitFor()
  const use = page.getByRole('button', { name: 'Use this tenant and restart' })
  t.equal(await use.isDisabled(), true, 'not without a certificate')
  await page.getByText('Upload a certificate for the name').waitFor()

  await me.press('upload it')
  await page.getByRole('heading', { name: 'Certificate', level: 1 }).waitFor()
  t.equal(await page.getByLabel('Name of this box in Teams').inputValue(), 'sbc.contoso.com')
  const wrong = await (await makeCa('root')).issue({ names: ['other.contoso.com'] })
  const right = await (await makeCa('root')).issue({ names: ['sbc.contoso.com'] })
  await page
    .getByLabel('Certificate with its intermediates (PEM)', { exact: true })
    .fill(wrong.certificatePem)
  await page.getByLabel('Private key (PEM)', { exact: true }).fill(wrong.keyPem)
  await me.press('Check and keep')
  await page.getByText('The certificate is not for sbc.contoso.com.').waitFor()
  t.match(await me.focused(), { name: 'Certificate with its intermediates (PEM)' })
  await page
    .getByLabel('Certificate with its intermediates (PEM)', { exact: true })
    .fill(right.certificatePem)
  await page.getByLabel('Private key (PEM)', { exact: true }).fill(right.keyPem)
  await me.press('Check and keep')
  await page.getByRole('button', { name: 'Replace it …' }).waitFor()
  t.strictSame(await seriousFindings(page), [])
  await page.goto(`${origin}/#/setup/teams`)
  await page.getByRole('heading', { name: 'Teams', level: 1 }).waitFor()
  await use.waitFor()
  t.equal(await use.isEnabled(), true)
  t.strictSame(box.problems, [])
})

t.test('a certificate is requested with a key that stays in the box', async (t) => {
  const box = await startBox(t)
  const { page, origin } = box
  const me = new KeyboardPerson(page)
  await claimOnPage(box)
  await page.goto(`${origin}/#/setup/certificate`)
  await me.tabTo(/^I have a certificate/)
  await page.keyboard.press('ArrowDown')
  await me.type('Name of this box in Teams', 'sbc.contoso.com')
  await me.press('Make the request')
  const request = page.getByLabel('Request for sbc.contoso.com')
  t.match(await request.inputValue(), /^-----BEGIN CERTIFICATE REQUEST-----/)
  await page.getByText('the request waits').waitFor()
  t.strictSame(await seriousFindings(page), [])
  await page.reload()
  await page.getByLabel('Request for sbc.contoso.com').waitFor()
  t.strictSame(box.problems, [])
})

t.test('on the image the network is changed on trial, kept or taken back', async (t) => {
  const box = await startBox(t, { width: 390 })
  const network = new TrialNetwork()
  box.api.attach({ network })
  const { page, origin } = box
  const me = new KeyboardPerson(page)
  await claimOnPage(box)
  await page.goto(`${origin}/#/setup/network`)
  await me.press('Change …')
  await me.tabTo(/^From the network \(DHCP\)/)
  await page.keyboard.press('ArrowDown')
  t.equal(await page.getByLabel('Address', { exact: true }).inputValue(), '192.0.2.10', 'as it is now')
  await me.type('Address', '127.0.0.1')
  await me.type('Gateway', '192.0.2.1')
  t.strictSame(await seriousFindings(page), [])
  await me.press('Try it')
  await page.getByText('On trial: 60 seconds left.').waitFor()
  t.match(network.asked, {
    mode: 'static',
    address: '127.0.0.1',
    prefixLength: 24,
    gateway: '192.0.2.1',
    dns: ['192.0.2.53'],
  })
  t.strictSame(await seriousFindings(page), [])
  await me.press('Keep these settings')
  await page.getByText('On trial').waitFor({ state: 'detached' })
  t.strictSame(network.ends, ['confirmed'])

  await me.press('Change …')
  await me.tabTo(/^From the network/)
  await page.keyboard.press('ArrowDown')
  await me.type('Address', '198.51.100.7')
  await me.press('Try it')
  await page.getByRole('link', { name: /^https:\/\/198\.51\.100\.7:\d+\/#\/setup\/network$/ }).waitFor()
  t.equal(
    await page.getByRole('button', { name: 'Keep these settings' }).count(),
    0,
    'not from the old address',
  )
  await me.press('Go back now')
  await page.getByText('The last change is not in force.').waitFor()
  t.strictSame(network.ends, ['confirmed', 'rolled back'])
  t.strictSame(box.problems, [])
})

t.test('in rescue the status page says what is true, and nobody is led into the setup', async (t) => {
  const box = await startBox(t, { width: 390 })
  const { page, origin, health } = box
  await claimOnPage(box)
  health.state = 'failed'
  health.parts.push(
    { name: 'settings', state: 'failed', detail: 'sip.udpPort is wrong.', advice: 'Take it out.' },
    { name: 'calls', state: 'failed', detail: 'Not started, because of settings.', advice: 'Mend settings.' },
  )
  await page.goto('about:blank')
  await page.goto(origin)
  await page.getByRole('heading', { name: 'Only this page runs' }).waitFor()
  t.equal(await page.getByText('Choose a tenant').count(), 0)
  t.equal(await page.getByRole('heading', { name: 'To the first call' }).count(), 0)
  t.strictSame(await seriousFindings(page), [])
})

t.test('the lab in one click: the box restarts, and the page comes back by itself', async (t) => {
  let restarts = 0
  const box = await startWebBox(t, { change: { restart: () => restarts++ } })
  const { page, origin, health, settings } = box
  health.lab = false
  box.pbx.trunkList = []
  await claimOnPage(box)
  await page.goto(`${origin}/#/setup/teams`)
  await page.getByRole('button', { name: 'Use the lab' }).click()
  await page.getByText('The box stops in order …').waitFor()
  t.equal(restarts, 1)
  t.strictSame(settings.document, { tenant: { kind: 'lab' } })
  t.equal(await page.getByRole('link', { name: 'Back' }).count(), 0, 'no way leads out of a restart')
  await box.api.stop()
  await page.getByText('The box starts …').waitFor()
  health.state = 'starting'
  health.parts.push({ name: 'tenant', state: 'starting', detail: 'Starting.', advice: undefined })
  await box.restart()
  await page.getByText('Starting: tenant …').waitFor()
  const value = await page.getByRole('progressbar').getAttribute('value')
  t.ok(Number(value) > 40 && Number(value) < 100, `${value} of 100`)
  health.state = 'ok'
  health.lab = true
  await page.getByText('The lab is in use.').waitFor()
  t.pass('the page goes on by itself')
})

/** A network that takes trials as the image does, without touching the machine. */
class TrialNetwork implements NetworkControl {
  asked: NetworkConfiguration | undefined
  readonly ends: string[] = []
  #lastFailure: string | undefined

  async view() {
    const { system } = await fakeNetwork().view()
    const trial = this.asked && { state: 'onTrial' as const, configuration: this.asked, secondsLeft: 60 }
    const lastFailure = this.#lastFailure
    return { supported: true, system, configured: undefined, trial, lastFailure }
  }

  async startTrial(configuration: NetworkConfiguration) {
    this.asked = configuration
    return { trial: { state: 'onTrial' as const, configuration, secondsLeft: 60 }, token: 'token' }
  }

  async confirm() {
    this.ends.push('confirmed')
    this.asked = undefined
  }

  isTrialToken() {
    return false
  }

  async rollBack() {
    this.ends.push('rolled back')
    this.#lastFailure = 'It was taken back.'
    this.asked = undefined
  }
}
