import { secondsToMs, type Clock } from '#src/base/clock.ts'
import { EventSource } from '#src/base/events.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { Settings } from '#src/model/settings.ts'
import type { EnrolmentResult } from '#src/pbx/ports.ts'
import { AnnouncedDevices } from './announced-devices.ts'
import { CodeThrottle } from './code-throttle.ts'
import { enrolDevice } from './enrol-device.ts'
import { DeviceOffBoarding } from './off-boarding.ts'
import type { Onboarding, OnboardingEvents, OnboardingStores, SignOutPort } from './ports.ts'

/** How often devices are looked at: so much later than due is one off-boarded at most, and never earlier. */
export const lookEveryMs = secondsToMs(3600)

/** Everything that onboarding is made of. */
export interface OnboardingOptions {
  store: OnboardingStores
  signIn: SignOutPort
  settings: () => Settings
  /** Ids of the lines that are in a call now; undefined while phones cannot register here. */
  linesInCall: () => ReadonlySet<string> | undefined
  clock: Clock
  random: Random
  logger: Logger
}

/** Makes the part of the box that enrols common area phones and off-boards stale devices; `start` begins to look. */
export function createOnboarding(options: OnboardingOptions): Onboarding {
  const { clock, random, logger } = options
  const lifetime = new Lifetime('onboarding', logger)
  const events = new EventSource<OnboardingEvents>(logger)
  const throttle = new CodeThrottle(clock)
  const enrolmentsChanged = (): void => events.emit('enrolmentsChanged', {})
  const announced = new AnnouncedDevices(options, random, enrolmentsChanged)
  const offBoarding = new DeviceOffBoarding({
    ...options,
    onChanged: (fact) => events.emit('deviceChanged', fact),
  })

  return {
    on: (name, listener) => events.on(name, listener),
    enrol(lineId, code): EnrolmentResult {
      const { result, deviceId } = enrolDevice({ ...options, throttle }, { lineId, code })
      if (result.kind === 'enrolled' && deviceId !== undefined) {
        offBoarding.welcome(deviceId)
        events.emit('deviceChanged', { deviceId, change: 'enrolled' })
        enrolmentsChanged()
      }
      return result
    },
    list: () => announced.list(),
    preview: (file) => announced.preview(file),
    announce: (announcements, actor) => announced.announce(announcements, actor),
    renewCode: (id, actor) => announced.renewCode(id, actor),
    remove: (id, actor) => announced.remove(id, actor),
    offBoarded: () => offBoarding.offBoarded(),
    staleDays: () => offBoarding.staleDays(),
    offBoard: (deviceId, actor) => offBoarding.offBoard(deviceId, actor),
    bringBack: (deviceId, actor) => offBoarding.bringBack(deviceId, actor),
    start() {
      lifetime.run('off-boarding', async (signal) => {
        for (;;) {
          await lookSafely()
          await clock.sleep(lookEveryMs, signal)
        }
      })
    },
    async stop() {
      await lifetime.stop()
      // What was counted since the last look must not be lost on a box that is restarted every night.
      await lookSafely()
    },
  }

  async function lookSafely(): Promise<void> {
    try {
      await offBoarding.look()
    } catch (error) {
      logger.error({ err: error }, 'devices could not be looked at; they are again in an hour')
    }
  }
}
