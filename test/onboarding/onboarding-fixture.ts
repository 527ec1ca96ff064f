import { EventSource } from '#src/base/events.ts'
import { systemRandom, type Random } from '#src/base/random.ts'
import type { Settings } from '#src/model/settings.ts'
import { createOnboarding } from '#src/onboarding/onboarding.ts'
import type { Onboarding, OnboardingEvents } from '#src/onboarding/ports.ts'
import type { SignInEvents } from '#src/pbx/ports.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import type { Store } from '#src/store/store.ts'
import { openTestStore, someBinding, someDevice, someLine, someUser } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import type { Device } from '#src/model/device.ts'
import type { DeviceAccess } from '#src/model/device-access.ts'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

export const hourMs = 3600_000
export const dayMs = 24 * hourMs

/** A clock whose wall time can be set without any time going by, as NTP does. */
export class WallClock extends FakeClock {
  #stepMs = 0

  override nowMs(): number {
    return super.nowMs() + this.#stepMs
  }

  /** Sets the wall clock. */
  setWall(nowMs: number): void {
    this.#stepMs += nowMs - this.nowMs()
  }
}

/** Onboarding on a real store; sign-in does to the store what the real one does. */
export interface OnboardingBox {
  onboarding: Onboarding
  store: Store
  clock: WallClock
  logger: MemoryLogger
  settings: Settings
  /** Lines in a call; undefined = the call side is not running. */
  inCall: Set<string> | undefined
  facts: { name: keyof OnboardingEvents; fact: unknown }[]
  /** Hours of a running box. */
  run(hours: number): Promise<void>
  /** The process ends and another begins, `offMs` later; `between` is done while none runs. */
  restart(offMs: number, between?: () => void): Promise<void>
}

export async function startOnboarding(
  t: Teardown,
  options: { random?: Random } = {},
): Promise<OnboardingBox> {
  const clock = new WallClock()
  const logger = new MemoryLogger()
  // Its own housekeeping stands still on a clock of its own.
  const store = openTestStore(t, { logger })
  // Thousands of hours go by in a test: what is written every hour reaches the disk when the process ends.
  const unwritten = new Map<string, string>()
  const flush = (): void => {
    for (const [name, value] of unwritten) store.secrets.set(name, value)
    unwritten.clear()
  }
  const stores = {
    ...store,
    secrets: {
      get: (name: string) => unwritten.get(name) ?? store.secrets.get(name),
      set: (name: string, value: string) => void unwritten.set(name, value),
    },
  }
  const signIn = new EventSource<SignInEvents>(logger)
  const make = (): Onboarding => {
    const onboarding = createOnboarding({
      store: stores,
      signIn: {
        async signOut(lineId) {
          const userId = store.signIns.forLine(lineId)?.userId
          if (userId === undefined || !store.signIns.remove(lineId)) return false
          signIn.emit('signedOut', { lineId, userId })
          return true
        },
      },
      settings: () => box.settings,
      linesInCall: () => box.inCall,
      clock,
      random: options.random ?? systemRandom,
      logger,
    })
    onboarding.on('deviceChanged', (fact) => box.facts.push({ name: 'deviceChanged', fact }))
    onboarding.on('enrolmentsChanged', (fact) => box.facts.push({ name: 'enrolmentsChanged', fact }))
    return onboarding
  }
  // A look that off-boards somebody waits for the disk; the next hour begins when it is done.
  const settle = async (): Promise<void> => {
    do await new Promise((resolve) => setImmediate(resolve))
    while (clock.pending === 0)
  }
  const box: OnboardingBox = {
    onboarding: undefined as unknown as Onboarding,
    store,
    clock,
    logger,
    settings: defaultSettings(),
    inCall: new Set(),
    facts: [],
    async run(hours) {
      for (let hour = 0; hour < hours; hour++) {
        clock.advance(hourMs)
        await settle()
      }
    },
    async restart(offMs, between) {
      await box.onboarding.stop()
      flush()
      between?.()
      clock.setWall(clock.nowMs() + offMs)
      box.onboarding = make()
      box.onboarding.start()
      await settle()
    },
  }
  box.onboarding = make()
  t.teardown(() => box.onboarding.stop())
  return box
}

/** Adds a device with one line; `person` is signed in on it. */
export function addDevice(store: Store, change: Partial<Device> & { id: string }, person?: string): void {
  store.devices.save(someDevice({ mac: undefined, label: change.id, ...change }))
  if (change.kind === 'dect-server') return
  store.lines.add(
    someLine({ id: `l-${change.id}`, deviceId: change.id, username: `u-${change.id}` }),
    'old secret',
  )
  if (person === undefined) return
  const user = someUser({ id: person, displayName: person, upn: `${person}@x` })
  store.signIns.save(
    { lineId: `l-${change.id}`, userId: person, signedInAtMs: 1, verifiedAtMs: 1 },
    user,
    '{"token":1}',
  )
}

/** Registers the device's line for an hour, as the call side does. */
export async function register(box: OnboardingBox, id: string, forMs = hourMs): Promise<void> {
  const nowMs = box.clock.nowMs()
  const aor = `u-${id}`
  await box.store.bindings.change(aor, nowMs, () => [
    someBinding({ aor, registeredAtMs: nowMs, expiresAtMs: nowMs + forMs }),
  ])
  box.store.devices.noteSeen(id, nowMs)
}

export function someAccess(change: Partial<DeviceAccess> & { deviceId: string }): DeviceAccess {
  return {
    token: `token-of-${change.deviceId}-0123456789`,
    adminPassword: 'admin',
    handedOverAtMs: 1,
    handedOverTo: '192.0.2.1',
    fetchedAtMs: undefined,
    ...change,
  }
}
