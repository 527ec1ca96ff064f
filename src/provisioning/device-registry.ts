import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import type { IdentifiedDevice } from '#src/devices/identify.ts'
import type { DeviceAccess } from '#src/model/device-access.ts'
import type { Device } from '#src/model/device.ts'
import { accountsOf } from './device-accounts.ts'
import type { ProvisioningStore } from './ports.ts'
import type { Tokens } from './tokens.ts'

/** Devices that nobody has vouched for are kept up to this number. */
export const maxFound = 200
const passwordLength = 16

type Identity = IdentifiedDevice & { mac: string }

/** Makes devices, their lines and their access to their own files, and starts them anew. */
export class DeviceRegistry {
  readonly #store: ProvisioningStore
  readonly #tokens: Tokens
  readonly #clock: Clock
  readonly #random: Random
  readonly #onChanged: (deviceId: string) => void

  constructor(needs: {
    store: ProvisioningStore
    tokens: Tokens
    clock: Clock
    random: Random
    onChanged(deviceId: string): void
  }) {
    this.#store = needs.store
    this.#tokens = needs.tokens
    this.#clock = needs.clock
    this.#random = needs.random
    this.#onChanged = (deviceId) => needs.onChanged(deviceId)
  }

  /** Devices in state `found`, the latest first. */
  found(): Device[] {
    return this.#store.devices
      .list()
      .filter(({ state }) => state === 'found')
      .sort((a, b) => b.createdAtMs - a.createdAtMs)
  }

  /**
   * Keeps a device that asked for the first time. When the list is full, the oldest that never registered makes
   * room; undefined when all have.
   */
  addFound(identity: Identity): Device | undefined {
    const found = this.found()
    if (found.length >= maxFound) {
      const oldest = found.findLast((device) => this.#isUntouched(device))
      if (!oldest) return undefined
      this.#store.devices.remove(oldest.id)
      this.#onChanged(oldest.id)
    }
    const createdAtMs = this.#clock.nowMs()
    const device: Device = {
      id: this.#random.token(16),
      kind: kindOf(identity),
      label: labelOf(identity),
      mac: identity.mac,
      ipei: undefined,
      parentId: undefined,
      vendor: identity.vendor,
      model: identity.model,
      firmware: identity.firmware,
      location: undefined,
      state: 'found',
      createdAtMs,
      lastSeenAtMs: undefined,
    }
    this.#store.devices.save(device)
    try {
      // The lines of a DECT server stand on its handsets.
      if (device.kind !== 'dect-server') this.#addLine(device)
      this.#store.deviceAccess.save(this.#freshAccess(device.id, undefined))
    } catch (error) {
      this.#store.devices.remove(device.id)
      throw error
    }
    this.#onChanged(device.id)
    return device
  }

  /** Nothing is lost with it: it never registered, and nobody has given it handsets. */
  #isUntouched({ id, lastSeenAtMs }: Device): boolean {
    return lastSeenAtMs === undefined && this.#store.devices.listChildren(id).length === 0
  }

  /** The device's access, made now when it has none, and its line with it if a power cut came before that. */
  accessOf(device: Device): DeviceAccess {
    const kept = this.#store.deviceAccess.find(device.id)
    if (kept) return kept
    if (device.kind !== 'dect-server' && accountsOf(this.#store, device).length === 0) this.#addLine(device)
    const access = this.#freshAccess(device.id, undefined)
    this.#store.deviceAccess.save(access)
    return access
  }

  /** Makes the device's token and the password of its page anew; the old token is dead. */
  renewAccess(deviceId: string): void {
    if (this.#store.devices.find(deviceId)?.mac === undefined) return
    this.#store.deviceAccess.save(this.#freshAccess(deviceId, undefined))
  }

  /** Makes passwords and token anew: what an earlier holder knew is worth nothing; `onlyTo` is then served only. */
  async startAnew(device: Device, onlyTo: string | undefined, state: Device['state']): Promise<void> {
    const accounts = accountsOf(this.#store, device)
    // The passwords first: a disk that fails in between must not open the way to one that somebody knows.
    for (const { id } of accounts) this.#store.lines.setPassword(id, this.#random.password(passwordLength))
    this.#store.deviceAccess.save(this.#freshAccess(device.id, onlyTo))
    this.#store.devices.save({ ...device, state })
    this.#onChanged(device.id)
    // Whoever registered with the old password is rung no more. All in one commit.
    const nowMs = this.#clock.nowMs()
    await Promise.all(accounts.map(({ username }) => this.#store.bindings.change(username, nowMs, () => [])))
  }

  /** `found` becomes `onboarded`; false for any other state. */
  adopt(deviceId: string, actor: string): boolean {
    const device = this.#store.devices.find(deviceId)
    if (device?.state !== 'found') return false
    this.#store.devices.save({ ...device, state: 'onboarded' })
    this.#store.audit.add({
      atMs: this.#clock.nowMs(),
      actor,
      action: 'device.adopt',
      subject: deviceId,
      details: { label: device.label, mac: device.mac },
    })
    this.#onChanged(deviceId)
    return true
  }

  /** Writes down what a device says of itself, when it is news. */
  noteIdentity(device: Device, identity: IdentifiedDevice | undefined): Device {
    if (!identity) return device
    const told = {
      vendor: identity.vendor,
      model: identity.model ?? device.model,
      firmware: identity.firmware ?? device.firmware,
    }
    const { vendor, model, firmware } = device
    if (vendor === told.vendor && model === told.model && firmware === told.firmware) return device
    const changed: Device = { ...device, ...told }
    this.#store.devices.save(changed)
    this.#onChanged(device.id)
    return changed
  }

  #addLine({ id, label, createdAtMs }: Device): void {
    const line = {
      id: this.#random.token(16),
      deviceId: id,
      username: this.#freeUsername(),
      label,
      createdAtMs,
    }
    this.#store.lines.add(line, this.#random.password(passwordLength))
  }

  /** Starts with letters so that it can never be taken for a number that somebody dials. */
  #freeUsername(): string {
    for (;;) {
      const username = `bl${this.#random.digits(8)}`
      if (!this.#store.lines.findByUsername(username)) return username
    }
  }

  #freshAccess(deviceId: string, onlyTo: string | undefined): DeviceAccess {
    return {
      deviceId,
      token: this.#tokens.makeBootstrap(),
      adminPassword: this.#random.password(passwordLength),
      handedOverAtMs: undefined,
      handedOverTo: onlyTo,
      fetchedAtMs: undefined,
    }
  }
}

/** Never digits alone, so that nobody reaches a found device by dialling its label. */
function labelOf({ vendor, model, mac }: Identity): string {
  return `${vendor}${model === undefined ? '' : ` ${model}`} (${mac.slice(6)})`
}

function kindOf({ kind }: Identity): Device['kind'] {
  return kind === 'ata' || kind === 'dect-server' ? kind : 'phone'
}
