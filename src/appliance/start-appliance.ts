import { hostname } from 'node:os'
import { join } from 'node:path'
import { startApi } from '#src/api/start-api.ts'
import type { ApiHandle, BoxHealth } from '#src/api/ports.ts'
import { secondsToMs } from '#src/base/clock.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import { createDect } from '#src/dect/create-dect.ts'
import { createHealth, type Health } from '#src/health/health.ts'
import { ensureBoxCertificate, type BoxCertificate } from '#src/host/certificate.ts'
import { watchBoxCertificate } from '#src/host/watch-certificate.ts'
import { createLocalAddressFinder, listLocalAddresses } from '#src/host/local-address.ts'
import { microsoftTenant } from '#src/microsoft/microsoft-tenant.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'
import { createSettingsService } from '#src/settings/settings-service.ts'
import { createSignIn } from '#src/signin/create-sign-in.ts'
import { startConsole } from './console-side.ts'
import { startHostSide, type HostSide } from './host-side.ts'
import { printWelcome } from './welcome.ts'
import { startCallSide } from './call-side.ts'
import { openGuardSide } from './guard-side.ts'
import { createLiveSettings, type LiveSettings } from './live-settings.ts'
import { openCertificateSide } from './certificate-side.ts'
import { layFoundation, type Foundation } from './foundation.ts'
import type { Appliance, ApplianceOptions, LabHandle } from './options.ts'
import { startProvisioningSide } from './provisioning-side.ts'
import { openOnboarding } from './onboarding-side.ts'
import { readCounters } from './read-counters.ts'
import { reportWaiting, startPart } from './part.ts'
import { openTraceSide } from './trace-side.ts'

const partNames = [
  'store',
  'settings',
  'certificate',
  'page',
  'network',
  'console',
  'tenant',
  'media',
  'sip',
  'calls',
  'provisioning',
]

/** Every part is "starting" from the first moment: a box that has only begun must not look well. */
function announceParts(health: Health): void {
  for (const name of partNames)
    health.report({ name, state: 'starting', detail: 'Not started yet.', advice: undefined })
}

/** Builds and starts the whole box. Rejects only when not even the setup page can be served. */
export async function startAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { clock, log, random, notifier } = options
  const logger = log.logger
  const lifetime = new Lifetime('branchline', logger)
  const health = createHealth({ clock, logger })
  const context = { health, logger }
  announceParts(health)
  try {
    const host = startHostSide(options, health, lifetime)
    const foundation = await layFoundation(options, health, lifetime)
    const { store, settings } = foundation
    const lab = settings.tenant.kind === 'lab'
    if (lab) logger.warn({}, 'lab: this box uses the lab tenant, not Microsoft 365')

    const addresses = createLocalAddressFinder({ clock, listen: settings.listen })
    const certificate = await startPart(context, 'certificate', async () => {
      const value = await ensureBoxCertificate({
        secrets: store.secrets,
        clock,
        names: certificateNames(),
        addresses: listLocalAddresses(),
      })
      return { value, detail: 'The box has a certificate of its own.' }
    })
    if (!certificate) throw new Error('the setup page has no certificate')

    const page = await startApi({
      listen: { host: settings.listen, httpsPort: settings.page.httpsPort, httpPort: settings.page.httpPort },
      certificate: { certPem: certificate.certificatePem, keyPem: certificate.keyPem },
      webRoot: options.webRoot,
      health: () => boxHealth(options, health, lab),
      box: () => ({
        address: settings.advertisedAddress,
        udpPort: settings.sip.udpPort,
        tcpPort: settings.sip.tcpPort,
        tlsPort: settings.sip.tlsPort,
        realm: settings.sip.realm,
        caPem: certificate.caPem,
      }),
      restart: () => options.restart(),
      setup: { certificateFolder: join(options.dataDir, 'teams-certificate') },
      clock,
      random,
      logger: logger.child({ part: 'page' }),
      // Without the real store nobody can prove to be the owner, and nobody may become it.
      parts: {
        ...(foundation.stored ? { store } : {}),
        network: host.network,
        host: host.control,
      },
    })
    lifetime.own('page', () => page.stop())
    let showOnSip: (renewed: BoxCertificate) => void = () => undefined
    lifetime.run('certificate', (signal) =>
      watchBoxCertificate(
        {
          current: certificate,
          secrets: store.secrets,
          clock,
          logger,
          names: certificateNames(),
          addresses: listLocalAddresses,
          onRenewed: (renewed) => {
            page.reloadCertificate({ certPem: renewed.certificatePem, keyPem: renewed.keyPem })
            showOnSip(renewed)
          },
        },
        signal,
      ),
    )
    health.report({ name: 'page', state: 'ok', detail: `On port ${page.httpsPort}.`, advice: undefined })

    const live = createLiveSettings(settings, log)
    let liveCalls = (): number => 0
    await startConsole({
      ...{ options, health, lifetime, foundation, page, host },
      boxHealth: () => boxHealth(options, health, lab),
      settings: () => live.current(),
      liveCalls: () => liveCalls(),
    })
    if (foundation.sound) host.applyTimeZone(settings.site.timeZone)
    const drain = foundation.sound
      ? await startWork({
          ...{ options, foundation, live, health, lifetime, page, certificate, addresses, host },
          watchCalls: (count) => (liveCalls = count),
          onRenewedCertificate: (show) => (showOnSip = show),
        })
      : leaveOut(health, foundation.stored ? 'settings' : 'store')
    if (foundation.stored && !foundation.sound) {
      page.attach({
        settings: createSettingsService({
          store: store.settings,
          file: options.configFile,
          args: options.overrides,
        }),
      })
    }
    printWelcome(options, {
      health: boxHealth(options, health, lab),
      page,
      settings,
    })
    page.setClaimListener((code) => {
      if (code !== undefined) options.say(`Claim code: ${code}  (the setup page asks for it once)`)
    })
    const state = boxHealth(options, health, lab).state
    notifier.ready(
      state === 'ok' ? 'All parts are up.' : 'Some parts did not start; the setup page says which.',
    )
    notifier.startWatchdog(lifetime.signal)

    return {
      async stop() {
        notifier.stopping()
        notifier.status('Stopping: new calls are refused, live calls may finish.')
        await drain(secondsToMs(live.current().stopGraceS))
        await lifetime.stop()
        // Said by a helper program: without waiting, a quick stop would end before systemd has heard of it.
        await notifier.settled()
      },
    }
  } catch (error) {
    await lifetime.stop()
    throw error
  }
}

interface Work {
  options: ApplianceOptions
  foundation: Foundation
  live: LiveSettings
  health: Health
  lifetime: Lifetime
  page: ApiHandle
  certificate: Awaited<ReturnType<typeof ensureBoxCertificate>>
  addresses: ReturnType<typeof createLocalAddressFinder>
  host: HostSide
  /** Takes the way to count live calls, once there can be any. */
  watchCalls(count: () => number): void
  /** Takes the way to show a renewed certificate on the SIP ports. */
  onRenewedCertificate(show: (renewed: BoxCertificate) => void): void
}

/** Starts what the box is for: tenant, sign-in, calls. Returns how to end the calls before the parts stop. */
async function startWork(work: Work): Promise<(graceMs: number) => Promise<void>> {
  const { options, foundation, live, health, lifetime, page, certificate, addresses } = work
  const { store, settings } = foundation
  const logger = options.log.logger
  const { tenant, lab } = await startTenant(work)

  const signIn = createSignIn({
    store,
    tenant,
    clock: options.clock,
    random: options.random,
    logger: logger.child({ part: 'sign-in' }),
  })
  lifetime.own('sign-in', () => signIn.stop())

  const dect = createDect({
    store,
    emergencyNumbers: () => live.current().site.emergencyNumbers,
    clock: options.clock,
    random: options.random,
    logger: logger.child({ part: 'dect' }),
  })
  lifetime.own('dect', () => dect.stop())

  const onboardingSide = openOnboarding({ options, store, signIn, live, lifetime })
  const { onboarding } = onboardingSide
  const tracing = openTraceSide({ options, settings, health, lifetime })
  const side = await startCallSide({
    signalling: tracing.signalling,
    options,
    settings,
    live,
    health,
    lifetime,
    store,
    signIn,
    enrolment: onboarding,
    certificate,
    tenant,
    addresses,
  })
  const guarding = openGuardSide({
    options,
    engine: side.engine,
    store,
    health,
    lifetime,
    firewall: work.host.firewall,
  })
  tracing.follow(side.pbx)
  const certificates = openCertificateSide({
    ...{ options, settings, lifetime, certificate, tenant },
    engine: side.engine,
  })
  work.onRenewedCertificate((renewed) => certificates.renewBox(renewed))
  work.watchCalls(() => side.pbx?.liveCalls().length ?? 0)
  const tls = side.engine?.listeners.find(({ protocol }) => protocol === 'tls')
  if (lab && tls) {
    const host = tls.host === '0.0.0.0' || tls.host === '::' ? '127.0.0.1' : tls.host
    lab.tellBox({ host, tlsPort: tls.port })
  }
  const provisioning = await startProvisioningSide({
    ...work,
    settings,
    store,
    signIn,
    dect,
    side,
  })
  page.attach({
    provisioning,
    settings: createSettingsService({
      store: store.settings,
      file: options.configFile,
      args: options.overrides,
      parts: [live.part, tracing.settingsPart, guarding.settingsPart, ...certificates.settingsParts],
      logger,
    }),
    pbx: side.pbx,
    counters: { read: () => readCounters(side, tracing) },
    traces: tracing.traces,
    bans: guarding.bans,
    signIn,
    onboarding,
    dect,
    lab: lab ? { pageUrl: lab.pageUrl, people: () => lab.people() } : undefined,
  })
  dect.start()
  onboardingSide.follow({ pbx: side.pbx, provisioning })
  return async (graceMs) => side.pbx?.drain(graceMs)
}

async function startTenant({
  options,
  foundation,
  health,
  lifetime,
}: Work): Promise<{ tenant: TenantEndpoints | undefined; lab: LabHandle | undefined }> {
  const { settings } = foundation
  const context = { health, logger: options.log.logger }
  switch (settings.tenant.kind) {
    case 'none':
      health.report({
        name: 'tenant',
        state: 'off',
        detail: 'No tenant is set up: phones can register, nobody can sign in.',
        advice: 'Choose the lab tenant or your own under Settings.',
      })
      return { tenant: undefined, lab: undefined }
    case 'lab': {
      const lab = await startPart(context, 'tenant', async () => {
        const value = await options.startLab({
          dataDir: options.dataDir,
          listen: settings.listen,
          logger: options.log.logger,
          signal: lifetime.signal,
        })
        lifetime.own('lab', () => value.stop())
        value.onHealth((part) => health.report({ ...part, name: 'tenant' }))
        return { value, detail: `The lab tenant runs on this machine: ${value.pageUrl}` }
      })
      return { tenant: lab?.endpoints, lab }
    }
    case 'microsoft': {
      const tenant = await startPart(context, 'tenant', async () => {
        const value = await microsoftTenant(settings)
        return { value, detail: `Microsoft 365 tenant ${value.tenantId}.` }
      })
      return { tenant, lab: undefined }
    }
  }
}

/** Names under which people and phones reach the box. */
function certificateNames(): string[] {
  return ['localhost', 'branchline.local', hostname()]
}

function leaveOut(health: Health, cause: 'store' | 'settings'): () => Promise<void> {
  for (const name of ['tenant', 'media', 'sip', 'calls', 'provisioning']) reportWaiting(health, name, cause)
  return async () => undefined
}

function boxHealth({ version }: ApplianceOptions, health: Health, lab: boolean): BoxHealth {
  const parts = health.parts()
  const has = (state: string): boolean => parts.some((part) => part.state === state)
  const state = has('failed') ? 'failed' : has('starting') ? 'starting' : has('degraded') ? 'degraded' : 'ok'
  return { state, version, lab, parts }
}
