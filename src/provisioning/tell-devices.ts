import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import { familyOf } from '#src/devices/catalogue.ts'
import type { DeviceFamily } from '#src/devices/definition.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import type { LineNotifier, ProvisioningStore } from './ports.ts'
import { isBootstrap } from './tokens.ts'

/** Fetch now, but keep running: `reboot=true` would end calls. */
const checkSync = 'check-sync;reboot=false'
/** Devices whose last version is remembered; a forgotten one is told once too often. */
const maxRemembered = 2_000

interface Served {
  configVersion: string
  host: string
}

/** Knows which version of its files each device has, and tells it when there is another. */
export class DeviceTeller {
  readonly #store: ProvisioningStore
  readonly #notifier: () => LineNotifier | undefined
  readonly #versionNow: (device: Device, host: string) => string | undefined
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #served = new Map<string, Served>()

  constructor(needs: {
    store: ProvisioningStore
    /** Undefined while the call side is not running. */
    notifier: () => LineNotifier | undefined
    /** Version of the device's files as they would be rendered now. */
    versionNow(device: Device, host: string): string | undefined
    clock: Clock
    logger: Logger
  }) {
    this.#store = needs.store
    this.#notifier = needs.notifier
    this.#versionNow = (device, host) => needs.versionNow(device, host)
    this.#clock = needs.clock
    this.#logger = needs.logger
  }

  noteServed(deviceId: string, served: Served): void {
    this.#served.delete(deviceId)
    this.#served.set(deviceId, served)
    const [oldest] = this.#served.keys()
    if (this.#served.size > maxRemembered && oldest !== undefined) this.#served.delete(oldest)
  }

  /** Sends check-sync when the device has older files than it could have; false when it could not be told. */
  async tell(deviceId: string): Promise<boolean> {
    const device = this.#store.devices.find(deviceId)
    const access = device && this.#store.deviceAccess.find(deviceId)
    if (!device || access?.fetchedAtMs === undefined || !this.#hasNews(device, access.token)) return true
    const line = this.#registeredLine(device)
    const notifier = this.#notifier()
    if (!line || !notifier) return false
    const told = await notifier.notify(line.username, { event: checkSync })
    this.#logger.info({ deviceId, ...told }, 'a device was told to fetch its configuration')
    return told.answered > 0
  }

  /** Sends something to show on the device's display. It holds the device's token, so it goes through TLS only. */
  async push(line: Line, notification: { event: string; contentType: string; body: string }): Promise<void> {
    const contacts = this.#store.bindings.find(line.username, this.#clock.nowMs())
    if (contacts.some(({ flow }) => flow.protocol !== 'tls')) return
    await this.#notifier()?.notify(line.username, notification)
  }

  #hasNews(device: Device, token: string): boolean {
    const served = this.#served.get(device.id)
    // A phone that still uses its first token is sent for its files until it comes with the lasting one.
    if (!served || isBootstrap(token)) return true
    return this.#versionNow(device, served.host) !== served.configVersion
  }

  /** All lines of a device are one listener, so the first that is registered will do. */
  #registeredLine({ id, kind }: Device): Line | undefined {
    const devices =
      kind === 'dect-server' ? this.#store.devices.listChildren(id).map((child) => child.id) : [id]
    const nowMs = this.#clock.nowMs()
    for (const deviceId of devices) {
      const line = this.#store.lines
        .listByDevice(deviceId)
        .find(({ username }) => this.#store.bindings.find(username, nowMs).length > 0)
      if (line) return line
    }
    return undefined
  }
}

/** Family of a device as the catalogue knows it. */
export function familyOfDevice({ vendor, model }: Device): DeviceFamily | undefined {
  return vendor === undefined || model === undefined ? undefined : familyOf(vendor, model)?.family
}
