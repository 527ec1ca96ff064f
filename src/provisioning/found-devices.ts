import type { Clock } from '#src/base/clock.ts'
import type { AdoptionClock } from './adoption-window.ts'
import { accountsOf } from './device-accounts.ts'
import type { DeviceRegistry } from './device-registry.ts'
import type { AdoptionControl, FoundDevices, ProvisioningStore, RefusedNote, ScreenSignIn } from './ports.ts'
import type { RefusedNotes } from './refused-notes.ts'

/** Carries out what the admin decides about devices that nobody has vouched for. */
export class FoundDeviceService implements FoundDevices {
  readonly window: AdoptionControl
  readonly #store: ProvisioningStore
  readonly #registry: DeviceRegistry
  readonly #notes: RefusedNotes
  readonly #signIn: Pick<ScreenSignIn, 'signOut'>
  readonly #clock: Clock
  readonly #changed: (deviceId: string) => void

  constructor(needs: {
    store: ProvisioningStore
    registry: DeviceRegistry
    window: AdoptionClock
    notes: RefusedNotes
    signIn: Pick<ScreenSignIn, 'signOut'>
    clock: Clock
    changed(deviceId: string): void
  }) {
    this.#store = needs.store
    this.#registry = needs.registry
    this.#notes = needs.notes
    this.#signIn = needs.signIn
    this.#clock = needs.clock
    this.#changed = (deviceId) => needs.changed(deviceId)
    this.window = {
      current: () => needs.window.current(),
      open: (durationMs, actor) => {
        this.#audit(actor, 'adoption.open', { minutes: Math.round(durationMs / 60_000) })
        for (const { id } of this.#registry.found()) this.#registry.adopt(id, actor)
        return needs.window.open(durationMs)
      },
      close: (actor) => {
        if (needs.window.current()) this.#audit(actor, 'adoption.close', {})
        needs.window.close()
      },
    }
  }

  list(): ReturnType<FoundDevices['list']> {
    return this.#registry.found().map((device) => {
      const access = this.#store.deviceAccess.find(device.id)
      return {
        device,
        from: access?.handedOverAtMs === undefined ? undefined : access.handedOverTo,
        fetchedAtMs: access?.fetchedAtMs,
      }
    })
  }

  adopt(deviceId: string, actor: string): boolean {
    return this.#registry.adopt(deviceId, actor)
  }

  async allowAgain(deviceId: string, actor: string, from?: string): Promise<boolean> {
    const device = this.#store.devices.find(deviceId)
    if (device?.mac === undefined || device.state === 'off-boarded') return false
    // The latest note may be another one than the admin was looking at.
    const onlyTo = from ?? this.#notes.find(deviceId)?.from
    for (const { id } of accountsOf(this.#store, device)) await this.#signIn.signOut(id, actor)
    // Read again: signing out has changed the state.
    const current = this.#store.devices.find(deviceId)
    if (!current) return false
    await this.#registry.startAnew(current, onlyTo, current.state)
    this.#notes.forget(deviceId)
    this.#audit(actor, 'device.allowAgain', { onlyTo: onlyTo ?? null }, deviceId)
    this.#changed(deviceId)
    return true
  }

  refused(): RefusedNote[] {
    return this.#notes.list().filter(({ deviceId }) => this.#store.devices.find(deviceId) !== undefined)
  }

  #audit(actor: string, action: string, details: Record<string, unknown>, subject = 'provisioning'): void {
    this.#store.audit.add({ atMs: this.#clock.nowMs(), actor, action, subject, details })
  }
}
