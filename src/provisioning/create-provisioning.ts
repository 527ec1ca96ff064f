import type { Clock } from '#src/base/clock.ts'
import { EventSource, type Events } from '#src/base/events.ts'
import { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import { sparingly } from '#src/base/sparing-logger.ts'
import { AdoptionClock } from './adoption-window.ts'
import { buildDeviceView } from './build-device-view.ts'
import { DeviceRegistry } from './device-registry.ts'
import { FileServer, stageOf } from './file-server.ts'
import { FoundDeviceService } from './found-devices.ts'
import type {
  BoxAddress,
  DectViews,
  LineNotifier,
  Provisioning,
  ProvisioningEvents,
  ProvisioningStore,
  RegistrationEvents,
  ScreenSignIn,
  SettingsNow,
} from './ports.ts'
import { RefusedNotes } from './refused-notes.ts'
import { DeviceScreens } from './screens/device-screens.ts'
import { SourceThrottle } from './source-throttle.ts'
import { orStopped, SyncQueue } from './sync-queue.ts'
import { DeviceTeller } from './tell-devices.ts'
import { Tokens } from './tokens.ts'

/** New MACs that one address may bring in an hour: a site behind one address, not a list of guesses. */
const newDevicesPerHour = 50
const hourMs = 3_600_000

/** What the room is made of. */
export interface ProvisioningNeeds {
  store: ProvisioningStore
  settings: SettingsNow
  box: () => BoxAddress
  signIn: ScreenSignIn
  /** Undefined where the call side is not running. */
  calls: (LineNotifier & Events<RegistrationEvents>) | undefined
  /** Undefined where there is no DECT. */
  dect?: DectViews | undefined
  clock: Clock
  random: Random
  logger: Logger
}

/** Puts the room together; stop it with `stop`. */
export function createProvisioning(needs: ProvisioningNeeds): Provisioning {
  const { store, settings, box, signIn, calls, dect, clock, random, logger } = needs
  const lifetime = new Lifetime('provisioning', logger)
  const events = new EventSource<ProvisioningEvents>(logger)
  const sparing = sparingly(logger, clock)
  const tokens = new Tokens({ random, secrets: store.secrets })
  const notes = new RefusedNotes({ clock, audit: store.audit, logger: sparing })
  const changed = (deviceId: string): void => events.emit('deviceChanged', { deviceId })
  const registry = new DeviceRegistry({ store, tokens, clock, random, onChanged: changed })
  const window = new AdoptionClock({
    clock,
    onChanged: (current) => events.emit('windowChanged', { window: current }),
  })
  lifetime.own('adoption window', () => window.stop())

  const teller = new DeviceTeller({
    store,
    notifier: () => calls,
    versionNow(device, host) {
      const access = store.deviceAccess.find(device.id)
      const { mac } = device
      if (!access || mac === undefined) return undefined
      const token = tokens.lastingOf(access.token)
      const facts = { access, token, box: box(), host, site: settings().site, nowMs: clock.nowMs() }
      return buildDeviceView({ ...facts, device: { ...device, mac }, stage: stageOf(device) }, store, dect)
        .configVersion
    },
    clock,
    logger,
  })
  /** Devices that have changed and do not know it: away, or their connection ended with the box's last run. */
  const untold = new Set<string>()
  /** Those of them that have registered since: one that does not answer now either does not know check-sync. */
  const lastTry = new Set<string>()
  const tell = async (deviceId: string): Promise<void> => {
    // Noted before: it takes half a minute to fail, and the device may register meanwhile.
    if (!lastTry.delete(deviceId)) untold.add(deviceId)
    if (await teller.tell(deviceId)) untold.delete(deviceId)
  }
  const queue = new SyncQueue({ clock, lifetime, tell })
  const screens = new DeviceScreens({ store, signIn, teller, clock, lifetime, logger: sparing })
  /** Devices that have read everything with their first token: the next registration sends them for the second. */
  const moving = new Set<string>()

  const door = new FileServer({
    store,
    registry,
    tokens,
    settings,
    box,
    dect,
    newDevices: new SourceThrottle({ clock, limit: newDevicesPerHour, windowMs: hourMs }),
    screen: (name, request) => screens.answer(name, request),
    adopting: () => window.current() !== undefined,
    onRefused(device, from, why) {
      if (notes.add(device.id, from, why)) changed(device.id)
      sparing.warn({ deviceId: device.id, from, why }, 'a configuration was not given out again')
    },
    onServed({ deviceId, configVersion, host, moving: isMoving }) {
      teller.noteServed(deviceId, { configVersion, host })
      if (isMoving) moving.add(deviceId)
      else moving.delete(deviceId)
    },
    clock,
    logger: sparing,
  })

  /** The files of a handset are its server's. */
  const ownerOfFiles = (deviceId: string): string => store.devices.find(deviceId)?.parentId ?? deviceId

  function deviceOfLine(lineId: string): string | undefined {
    const deviceId = store.lines.find(lineId)?.deviceId
    return deviceId === undefined ? undefined : ownerOfFiles(deviceId)
  }

  const lineChanged = (lineId: string): void => {
    const deviceId = deviceOfLine(lineId)
    if (deviceId !== undefined) queue.changed(deviceId)
  }
  lifetime.own(
    'sign-ins',
    signIn.on('signedIn', (fact) => lineChanged(fact.signIn.lineId)),
  )
  lifetime.own(
    'sign-outs',
    signIn.on('signedOut', (fact) => lineChanged(fact.lineId)),
  )
  if (calls) {
    const stop = calls.on('bindingChanged', ({ aor, bindings }) => {
      if (moving.size + untold.size === 0 || bindings.length === 0) return
      const line = store.lines.findByUsername(aor)
      const deviceId = line && deviceOfLine(line.id)
      if (deviceId === undefined) return
      const isUntold = untold.delete(deviceId)
      if (isUntold) lastTry.add(deviceId)
      if (isUntold || moving.has(deviceId)) queue.changed(deviceId)
    })
    lifetime.own('registrations', stop)
  }
  // What changes a device here changes its files as well: its state is in them.
  lifetime.own(
    'own changes',
    events.on('deviceChanged', ({ deviceId }) => queue.changed(deviceId)),
  )

  return {
    on: (name, listener) => events.on(name, listener),
    door,
    wants: (device, from) => door.wants(device, from),
    found: new FoundDeviceService({ store, registry, window, notes, signIn, clock, changed }),
    expectAgain: (deviceId) => registry.renewAccess(deviceId),
    deviceChanged: (deviceId) => queue.changed(ownerOfFiles(deviceId)),
    tellNow: (deviceId) =>
      lifetime.run('tell a device', (end) => orStopped(tell(ownerOfFiles(deviceId)), end)),
    everythingChanged() {
      for (const { id, mac } of store.devices.list()) if (mac !== undefined) queue.changed(id)
    },
    stop: () => lifetime.stop(),
  }
}
