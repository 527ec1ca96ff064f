import type { Lifetime } from '#src/base/lifetime.ts'
import { createOnboarding } from '#src/onboarding/onboarding.ts'
import type { Onboarding } from '#src/onboarding/ports.ts'
import type { Pbx, SignInPort } from '#src/pbx/ports.ts'
import type { Provisioning } from '#src/provisioning/ports.ts'
import type { Store } from '#src/store/store.ts'
import type { LiveSettings } from './live-settings.ts'
import type { ApplianceOptions } from './options.ts'

/** Onboarding stands before the call side, which asks it, and works once the call side runs. */
export interface OnboardingSide {
  readonly onboarding: Onboarding
  /** Begins to look for stale devices; without a call side nobody can register, so nobody is stale. */
  follow(parts: { pbx: Pbx | undefined; provisioning: Provisioning | undefined }): void
}

/** Joins onboarding to sign-in, the settings in force, and later to the calls and to provisioning. */
export function openOnboarding(needs: {
  options: ApplianceOptions
  store: Store
  signIn: SignInPort
  live: LiveSettings
  lifetime: Lifetime
}): OnboardingSide {
  const { options, store, signIn, live, lifetime } = needs
  let pbx: Pbx | undefined
  const onboarding = createOnboarding({
    store,
    signIn,
    settings: () => live.current(),
    linesInCall: () => pbx && linesInCall(pbx),
    clock: options.clock,
    random: options.random,
    logger: options.log.logger.child({ part: 'onboarding' }),
  })
  return {
    onboarding,
    follow(parts) {
      pbx = parts.pbx
      const { provisioning } = parts
      if (provisioning) {
        onboarding.on('deviceChanged', ({ deviceId, change }) => {
          if (change === 'brought-back') provisioning.expectAgain(deviceId)
          else provisioning.deviceChanged(deviceId)
        })
      }
      lifetime.own('onboarding', () => onboarding.stop())
      onboarding.start()
    },
  }
}

function linesInCall(pbx: Pbx): ReadonlySet<string> {
  const parties = pbx.liveCalls().flatMap(({ caller, callees }) => [caller, ...callees])
  return new Set(parties.filter(({ kind }) => kind === 'line').map(({ id }) => id))
}
