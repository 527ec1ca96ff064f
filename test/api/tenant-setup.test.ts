import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ConsentView, ScriptView, TenantView } from '#src/api/schema/setup.ts'
import { tenantScript } from '#src/api/setup/tenant-script.ts'
import { systemClock, type Clock } from '#src/base/clock.ts'
import { createSettingsService } from '#src/settings/settings-service.ts'
import { startTestLab, type TestLab } from '#test/lab/lab-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { until } from '#test/support/until.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'

const unknownId = '00000000-0000-4000-8000-000000000001'

interface Refusal {
  code: string
  text: string
  advice?: string
  details: { field?: string; problems?: { field: string; text: string }[] }
}

/** A box whose Entra and Graph are the lab's, with the quickest codes. */
async function startBox(t: Test, clock: Clock = systemClock): Promise<{ api: TestApi; lab: TestLab }> {
  const dataDir = join(t.testdir(), 'lab')
  mkdirSync(dataDir)
  const lab = await startTestLab(t, { dataDir, codeIntervalMs: 50 })
  const { authorityHost, graphUrl, caPem } = lab.endpoints
  const api = await startTestApi(t, {
    change: {
      clock,
      health: () => ({ state: 'ok', version: '0.1.0', lab: false, parts: [] }),
      setup: { probes: { identity: { authorityHost, graphUrl, caPem } } },
    },
  })
  const settings = createSettingsService({ store: api.store.settings })
  api.context.parts = { ...api.context.parts, settings }
  api.pbx.trunkList = []
  await api.claim()
  return { api, lab }
}

const enter = (api: TestApi, lab: TestLab, change: Record<string, string> = {}) => {
  const { tenantId, clientId } = lab.endpoints
  return api.ask('PUT', '/api/setup/tenant', { tenantId, clientId, sbcFqdn: 'sbc.contoso.com', ...change })
}
const consent = async (api: TestApi): Promise<ConsentView> =>
  (await api.ask('GET', '/api/setup/consent')).json<ConsentView>()

/** Looks, as the page does, until the tenant has decided. */
async function decided(api: TestApi): Promise<ConsentView> {
  for (const deadline = performance.now() + 30_000; ;) {
    const now = await consent(api)
    if (now.state !== 'awaitingUser') return now
    if (performance.now() > deadline) throw new Error('the tenant does not decide')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

t.test('the ids: every wrong one is named at once, and nothing is saved', async (t) => {
  const { api, lab } = await startBox(t)
  const empty = (await api.ask('GET', '/api/setup/tenant')).json<TenantView>()
  t.match(empty, { kind: 'none', running: 'none', tenantId: null, certificate: false })
  t.equal(empty.missing.length, 4)
  t.ok(empty.permissions.length > 0)
  const reply = await enter(api, lab, { tenantId: 'contoso', sbcFqdn: 'sbc.contoso.onmicrosoft.com' })
  const refusal = reply.json<Refusal>()
  t.match([reply.statusCode, refusal], [400, { code: 'CONFIG_INVALID', details: { field: 'tenantId' } }])
  t.strictSame(
    refusal.details.problems?.map(({ field }) => field),
    ['tenantId', 'sbcFqdn'],
  )
  t.strictSame(api.store.settings.active().document, {})

  t.equal((await enter(api, lab, { sbcFqdn: ' SBC.Contoso.com ' })).statusCode, 200)
  t.match((await api.ask('GET', '/api/setup/tenant')).json(), { sbcFqdn: 'sbc.contoso.com' })
  const chosen = await api.ask('POST', '/api/setup/tenant/choice', { kind: 'microsoft' })
  t.match(chosen.json<Refusal>(), { code: 'CONFIG_INVALID', details: { field: 'tenant.certificateFile' } })
  t.match((await api.ask('GET', '/api/setup/tenant')).json(), { kind: 'none' }, 'not chosen without one')
})

t.test(
  'the app registration is proven by a sign-in, and that is remembered for these ids only',
  async (t) => {
    const { api, lab } = await startBox(t)
    t.equal((await api.ask('POST', '/api/setup/consent')).statusCode, 400, 'not without ids')
    await enter(api, lab)
    const begun = await api.ask('POST', '/api/setup/consent')
    t.equal(begun.statusCode, 202, begun.body)
    const waiting = begun.json<Extract<ConsentView, { state: 'awaitingUser' }>>()
    t.match(waiting, { state: 'awaitingUser', verificationUri: /devicelogin/ })
    t.strictSame(await consent(api), waiting, 'asking again gives the same')
    await lab.decide(waiting.userCode, 'approve', 'anna')
    t.match(await decided(api), { state: 'confirmed', displayName: 'Anna Albrecht', upn: /anna@/ })
    t.match(api.store.audit.list({ limit: 1 })[0], { action: 'setup.consent', subject: /anna@/ })
    t.notMatch(api.store.secrets.get('setup.progress'), /token|secret/i, 'no token is kept')
    t.equal(api.store.signIns.list().length, 0, 'nobody is signed in by that')

    await enter(api, lab, { clientId: unknownId })
    await api.ask('DELETE', '/api/setup/consent')
    t.strictSame(await consent(api), { state: 'none' }, 'other ids have not been tried')
    await enter(api, lab)
    t.match(await consent(api), { state: 'confirmed' }, 'after a restart it is read from the store')
  },
)

t.test('what the tenant has against it is said in a sentence', async (t) => {
  const { api, lab } = await startBox(t)
  await enter(api, lab, { clientId: unknownId })
  const unknown = await api.ask('POST', '/api/setup/consent')
  t.match(unknown.json<Refusal>(), { code: 'SIGN_IN_FAILED', advice: /client/ })

  await enter(api, lab)
  const { userCode } = (await api.ask('POST', '/api/setup/consent')).json<{ userCode: string }>()
  await lab.decide(userCode, 'decline')
  t.match(await decided(api), { state: 'failed', text: /declined/ })

  await api.ask('POST', '/api/setup/consent')
  t.strictSame((await api.ask('DELETE', '/api/setup/consent')).json(), { state: 'none' }, 'given up')

  await lab.stop()
  const gone = await api.ask('POST', '/api/setup/consent')
  t.match(gone.json<Refusal>(), { code: 'TENANT_UNREACHABLE' })
})

t.test('closing the page ends a check that waits', async (t) => {
  const clock = new FakeClock()
  const { api, lab } = await startBox(t, clock)
  await enter(api, lab)
  const idle = clock.pending
  await api.ask('POST', '/api/setup/consent')
  await until(() => clock.pending > idle)
  await api.app.close()
  await until(() => clock.pending === idle)
  t.equal(clock.pending, idle, 'no poll goes on')
})

t.test('the script carries what was entered, quoted so that nothing in it is run', async (t) => {
  const { api, lab } = await startBox(t)
  t.equal((await api.ask('GET', '/api/setup/tenant/script')).statusCode, 400, 'not without ids')
  await enter(api, lab)
  const { file, text } = (await api.ask('GET', '/api/setup/tenant/script')).json<ScriptView>()
  t.equal(file, 'branchline-sbc.contoso.com.ps1')
  for (const line of [
    `Connect-MicrosoftTeams -TenantId '${lab.endpoints.tenantId}'`,
    `New-CsOnlinePSTNGateway -Fqdn 'sbc.contoso.com' -SipSignalingPort 5061 -Enabled $true`,
    `-OutboundPstnNumberTranslationRules 'BranchlineRing'`,
    `Set-CsOnlinePstnUsage -Identity Global -Usage @{Add = 'Branchline'}`,
    `New-CsOnlineVoiceRoute -Identity 'Branchline'`,
    `New-CsOnlineVoiceRoutingPolicy -Identity 'Branchline' -OnlinePstnUsages 'Branchline'`,
    `Set-CsTeamsCallingPolicy -Identity 'Branchline' -AllowSIPDevicesCalling $true -AllowCallRedirect Enabled`,
    `Set-CsUserCallingSettings -Identity $person.Upn -IsForwardingEnabled $true -ForwardingType Simultaneous`,
    `# Set-CsPhoneNumberAssignment`.slice(2),
  ]) {
    t.ok(text.includes(line), line)
  }
  // The rule takes off what the forwarding puts in front, and the route carries only those numbers.
  const ring = /-Pattern '\^\\\+(\d+)\(/.exec(text)?.[1] ?? 'none'
  t.ok(text.includes(`('+${ring}' + $person.Number`))
  t.ok(text.includes(`-NumberPattern '^\\+${ring}\\d+$'`))
  const hostile = tenantScript({
    tenantId: `'; Remove-Item x; '`,
    sbcFqdn: 'sbc.contoso.com',
    sipPort: 5061,
    country: 'DE',
  })
  t.ok(hostile.includes(`-TenantId '''; Remove-Item x; '''`), 'a quote stays inside the quotes')
})
