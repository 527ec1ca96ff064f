import type { BanEvents, BansPort } from '#src/api/bans-port.ts'
import { EventSource } from '#src/base/events.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Engine } from '#src/engine/engine.ts'
import { defaultGuard, defaultOverload } from '#src/engine/guard/options.ts'
import type { EngineOptions } from '#src/engine/options.ts'
import type { Health } from '#src/health/health.ts'
import { degradedBy, sipOverloaded } from '#src/health/warnings.ts'
import { KernelBans } from '#src/host/kernel-bans.ts'
import type { KernelFirewall } from '#src/host/requests/ports.ts'
import type { Settings } from '#src/model/settings.ts'
import { dialledText, isEmergency } from '#src/pbx/calls/numbers.ts'
import type { PeerEvidence } from '#src/pbx/ports.ts'
import { secretCodes } from '#src/pbx/services/parse-feature-code.ts'
import type { SettingsPart } from '#src/settings/settings-service.ts'
import type { Store } from '#src/store/store.ts'
import type { LiveSettings } from './live-settings.ts'
import type { ApplianceOptions } from './options.ts'

/** Between two reports of a figure that grows. */
const reportEveryMs = 10_000

/** What the engine is told about abusers and load. */
export function guardOptions(
  settings: Settings,
  live: LiveSettings,
): Pick<EngineOptions, 'guard' | 'overload'> {
  const { allowList, guard, overload } = settings.sip
  const isHelp = (requestUri: string): boolean => {
    const dialled = dialledText(requestUri)
    // Rather one call too many than one for help too few: whether somebody has that number is not asked.
    return dialled !== undefined && isEmergency(dialled, live.current().site.emergencyNumbers, () => false)
  }
  const busyLimit = overload.busyPercent / 100
  return {
    guard: guard.enabled
      ? {
          ...defaultGuard,
          floodPerSecond: guard.messagesPerSecond,
          floodBurst: guard.messagesPerSecond * 10,
          scannerAgents: [...defaultGuard.scannerAgents, ...guard.moreScanners],
          allow: allowList,
          exemptLoopback: !guard.ownMachine,
          secretCodes,
        }
      : undefined,
    overload: overload.enabled
      ? {
          ...defaultOverload,
          busyLimit,
          registerBusyLimit: busyLimit - 0.1,
          maxRegistersInProgress: overload.registersInProgress,
          isEmergency: isHelp,
        }
      : undefined,
  }
}

/** What the call side has found out, as the engine's guard hears it; undefined without one. */
export function evidenceFor({ guard }: Pick<Engine, 'guard'>): PeerEvidence | undefined {
  if (!guard) return undefined
  return {
    // A phone with an old password, or whose line was removed, tries one name for ever: that is no guessing.
    wrongPassword: (host, subject) => guard.note(host, { kind: 'password', proven: true, subject }),
    unknownUser: (host, subject) => guard.note(host, { kind: 'password', proven: true, subject }),
    staleNonce: (host) => guard.note(host, { kind: 'password', proven: false, subject: 'a nonce' }),
    registered: (host, untilMs) => guard.trust(host, untilMs),
  }
}

/** Who is shut out: for the page, the settings and the kernel. */
export interface GuardSide {
  /** Undefined: nobody is shut out. */
  bans: BansPort | undefined
  /** Takes the allow-list. */
  settingsPart: SettingsPart
}

/** Joins the engine's guard and overload control with the rest of the box; undefined engine = a drachtio-server's affair. */
export function openGuardSide(parts: {
  options: ApplianceOptions
  engine: Engine | undefined
  store: Pick<Store, 'bindings'>
  health: Health
  lifetime: Lifetime
  firewall: KernelFirewall | undefined
}): GuardSide {
  const { engine } = parts
  if (engine?.overload) followOverload(engine.overload, parts)
  const guard = engine?.guard
  if (!guard) return { bans: undefined, settingsPart: allowListPart(() => undefined) }
  const { clock, log } = parts.options
  // Phones that registered before a restart are known before they say a word.
  for (const { flow, expiresAtMs } of parts.store.bindings.all(clock.nowMs()))
    guard.trust(flow.host, expiresAtMs)
  const logger = log.logger.child({ part: 'guard' })
  const kernel = parts.firewall && new KernelBans({ firewall: parts.firewall, clock, logger })
  kernel?.start()
  const events = new EventSource<BanEvents>(logger)
  const stop = guard.on('changed', ({ ban, state }) => {
    if (state === 'standing') kernel?.ban(ban)
    else kernel?.lift(ban)
    events.emit('changed', { address: ban.address })
  })
  parts.lifetime.own('guard', () => {
    stop()
    kernel?.stop()
  })
  return {
    bans: {
      on: (name, listener) => events.on(name, listener),
      list: () => guard.bans(),
      letIn: (address) => guard.unban(address),
      kernel: () => (kernel?.failure === undefined ? (kernel ? 'on' : 'off') : { failure: kernel.failure }),
    },
    settingsPart: allowListPart((entries) => guard.allow(entries)),
  }
}

function allowListPart(allow: (entries: readonly string[]) => void): SettingsPart {
  return {
    name: 'the guard',
    takes: ({ path }) => path === 'sip.allowList',
    async apply(settings) {
      allow(settings.sip.allowList)
    },
  }
}

/** While the box is overloaded its SIP part says so, with figures that are renewed. */
function followOverload(
  overload: NonNullable<Engine['overload']>,
  { options, health, lifetime }: { options: ApplianceOptions; health: Health; lifetime: Lifetime },
): void {
  const usual = health.parts().find(({ name }) => name === 'sip')
  const report = (): void => {
    const { overloaded, refused } = overload.report()
    if (overloaded) health.report(degradedBy('sip', sipOverloaded, { refused }))
    else if (usual) health.report(usual)
  }
  lifetime.own(
    'overload',
    overload.on('changed', () => report()),
  )
  lifetime.run('overload-figures', async (signal) => {
    while (!signal.aborted) {
      // Aborted at the end of the box, and only then.
      await options.clock.sleep(reportEveryMs, signal).catch(() => undefined)
      if (!signal.aborted && overload.report().overloaded) report()
    }
  })
}
