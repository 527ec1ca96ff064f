import { ApplianceError } from '#src/base/errors.ts'
import type { Random } from '#src/base/random.ts'
import type { Device } from '#src/model/device.ts'
import type { Settings } from '#src/model/settings.ts'
import { countAbsence, type Look } from './absence.ts'
import { loadAbsence, saveAbsence, type AbsenceRecord } from './absence-record.ts'
import { noteAudit, type OnboardingContext } from './context.ts'
import type { OffBoarded, OffBoarding, OnboardingEvents, SignOutPort } from './ports.ts'

const dayMs = 24 * 3600 * 1000
/** Longest time that one look adds: after it the machine was asleep, and nobody could have been seen. */
const maxElapsedMs = 2 * 3600 * 1000
const passwordLength = 16

export interface OffBoardingContext extends OnboardingContext {
  signIn: SignOutPort
  settings: () => Settings
  random: Random
  /** Ids of the lines that are in a call now; undefined while phones cannot register, which then counts for nobody. */
  linesInCall: () => ReadonlySet<string> | undefined
  onChanged: (fact: OnboardingEvents['deviceChanged']) => void
}

/** Takes their place from devices that were away too long, or that the admin sends off, and gives it back. */
export class DeviceOffBoarding implements OffBoarding {
  readonly #context: OffBoardingContext
  readonly #record: AbsenceRecord
  /** Devices whose off-boarding is under way: it waits for disk in between. */
  readonly #leaving = new Set<string>()
  #lookedAtMs: number | undefined

  constructor(context: OffBoardingContext) {
    this.#context = context
    this.#record = loadAbsence(context.store.secrets, context.logger)
  }

  /** Looks at every device once: counts absence, off-boards who is away too long, writes down the rest. */
  async look(): Promise<void> {
    const { store, clock, logger } = this.#context
    const nowMs = clock.monotonicMs()
    const elapsedMs = Math.min(nowMs - (this.#lookedAtMs ?? nowMs), maxElapsedMs)
    this.#lookedAtMs = nowMs
    const inCall = this.#context.linesInCall()
    if (!inCall) return
    this.#record.absent = countAbsence(this.#record.absent, this.#lookAtAll(inCall), elapsedMs)
    // Handsets first: a DECT server goes only after the last of its handsets.
    const order = (device: Device): number => (device.kind === 'dect-server' ? 1 : 0)
    const devices = store.devices.list().sort((a, b) => order(a) - order(b))
    for (const { id } of devices) {
      if (!this.#isStale(id)) continue
      try {
        await this.#takeOff(id, 'stale', 'system')
      } catch (error) {
        logger.error({ err: error, deviceId: id }, 'a device that is away too long could not be off-boarded')
      }
    }
    this.#save()
  }

  offBoarded(): OffBoarded[] {
    return this.#context.store.devices
      .list()
      .filter(({ state }) => state === 'off-boarded')
      .map((device): OffBoarded => {
        // Without a note somebody else set the state; what is known then is the state alone.
        const note = this.#record.offBoarded.get(device.id)
        const {
          atMs = device.lastSeenAtMs ?? device.createdAtMs,
          reason = 'admin',
          unseenMs = 0,
        } = note ?? {}
        const days = Math.floor(unseenMs / dayMs)
        const text =
          reason === 'stale'
            ? `Not seen for ${days} ${days === 1 ? 'day' : 'days'}.`
            : 'Off-boarded by the admin.'
        return { deviceId: device.id, atMs, reason, unseenMs, text }
      })
      .sort((a, b) => b.atMs - a.atMs)
  }

  staleDays(): { signedInStaleDays: number; signedOutStaleDays: number } {
    const { signedInStaleDays, signedOutStaleDays } = this.#context.settings().provisioning
    return { signedInStaleDays, signedOutStaleDays }
  }

  async offBoard(deviceId: string, actor: string): Promise<void> {
    const device = this.#find(deviceId)
    if (device.state === 'off-boarded' || this.#leaving.has(deviceId)) {
      throw new ApplianceError(
        'CONFLICT',
        { deviceId },
        { text: `“${device.label}” is off-boarded already.` },
      )
    }
    for (const handset of this.#context.store.devices.listChildren(deviceId)) {
      if (handset.state !== 'off-boarded') await this.#takeOff(handset.id, 'admin', actor)
    }
    await this.#takeOff(deviceId, 'admin', actor)
    this.#save()
  }

  bringBack(deviceId: string, actor: string): void {
    const { store } = this.#context
    const device = this.#find(deviceId)
    if (device.state !== 'off-boarded') {
      throw new ApplianceError('CONFLICT', { deviceId }, { text: `“${device.label}” is not off-boarded.` })
    }
    const handsets = store.devices.listChildren(deviceId).filter(({ state }) => state === 'off-boarded')
    for (const back of [device, ...handsets]) {
      this.#newPasswords(back.id)
      store.devices.save({ ...back, state: 'onboarded' })
      this.#record.offBoarded.delete(back.id)
      // Counted from now on: a device that came back gets its whole time again.
      this.#record.absent.delete(back.id)
      noteAudit(this.#context, {
        actor,
        action: 'device.bringBack',
        subject: back.id,
        details: { label: back.label },
      })
      this.#context.logger.info({ deviceId: back.id, actor }, `device brought back: ${back.label}`)
      this.#context.onChanged({ deviceId: back.id, change: 'brought-back' })
    }
    this.#save()
  }

  /** Forgets what was counted of a device that was enrolled anew. */
  welcome(deviceId: string): void {
    this.#record.offBoarded.delete(deviceId)
    this.#record.absent.delete(deviceId)
  }

  /** One look at every device that has a place to lose. */
  #lookAtAll(inCall: ReadonlySet<string>): Look[] {
    const { store, clock } = this.#context
    const registered = new Set(store.bindings.all(clock.nowMs()).map(({ aor }) => aor))
    const present = new Set(
      store.lines
        .list()
        .filter(({ id, username }) => registered.has(username) || inCall.has(id))
        .map(({ deviceId }) => deviceId),
    )
    return store.devices
      .list()
      .filter(({ state }) => state !== 'off-boarded')
      .map((device) => ({
        deviceId: device.id,
        parentId: device.parentId,
        present: present.has(device.id),
        stamp: `${device.state} ${device.lastSeenAtMs ?? '-'} ${store.deviceAccess.find(device.id)?.fetchedAtMs ?? '-'}`,
      }))
  }

  #isStale(deviceId: string): boolean {
    const { store } = this.#context
    const device = store.devices.find(deviceId)
    if (!device || device.state === 'off-boarded' || this.#leaving.has(deviceId)) return false
    const { signedInStaleDays, signedOutStaleDays } = this.staleDays()
    const days = device.state === 'signed-in' ? signedInStaleDays : signedOutStaleDays
    if ((this.#record.absent.get(deviceId)?.unseenMs ?? 0) < days * dayMs) return false
    // While others were off-boarded this one may have come back.
    const live = new Set(store.bindings.all(this.#context.clock.nowMs()).map(({ aor }) => aor))
    if (store.lines.listByDevice(deviceId).some(({ username }) => live.has(username))) return false
    return store.devices.listChildren(deviceId).every(({ state }) => state === 'off-boarded')
  }

  /**
   * Sign-in and tokens go, so do bindings and the provisioning token, and the password is another. The password first:
   * from then on nobody can register with what the device knows; and once more at the end, because the device may have
   * fetched it while the disk was waited for. The state last: a crash in between is mended by the next look.
   */
  async #takeOff(deviceId: string, reason: 'stale' | 'admin', actor: string): Promise<void> {
    const { store, signIn, clock, logger } = this.#context
    this.#leaving.add(deviceId)
    try {
      this.#newPasswords(deviceId)
      for (const line of store.lines.listByDevice(deviceId)) {
        await signIn.signOut(line.id, actor)
        await store.bindings.change(line.username, clock.nowMs(), () => [])
      }
      store.deviceAccess.remove(deviceId)
      // Read anew: signing out has changed the state, and the device may have been removed meanwhile.
      const device = store.devices.find(deviceId)
      if (!device) return
      this.#newPasswords(deviceId)
      const unseenMs = this.#record.absent.get(deviceId)?.unseenMs ?? 0
      store.devices.save({ ...device, state: 'off-boarded' })
      this.#record.offBoarded.set(deviceId, { atMs: clock.nowMs(), reason, unseenMs })
      this.#record.absent.delete(deviceId)
      const unseenDays = Math.floor(unseenMs / dayMs)
      const details = { label: device.label, reason, unseenDays }
      noteAudit(this.#context, { actor, action: 'device.offBoard', subject: deviceId, details })
      logger.warn({ deviceId, actor, reason, unseenDays }, `device off-boarded: ${device.label}`)
      this.#context.onChanged({ deviceId, change: 'off-boarded' })
    } finally {
      this.#leaving.delete(deviceId)
    }
  }

  #newPasswords(deviceId: string): void {
    const { store, random } = this.#context
    for (const line of store.lines.listByDevice(deviceId)) {
      store.lines.setPassword(line.id, random.password(passwordLength))
    }
  }

  #find(deviceId: string): Device {
    const device = this.#context.store.devices.find(deviceId)
    if (device) return device
    throw new ApplianceError(
      'NOT_FOUND',
      { deviceId },
      { text: 'There is no such device; it may have been removed.' },
    )
  }

  #save(): void {
    const { store, logger } = this.#context
    for (const deviceId of this.#record.offBoarded.keys()) {
      if (store.devices.find(deviceId)?.state !== 'off-boarded') this.#record.offBoarded.delete(deviceId)
    }
    try {
      saveAbsence(store.secrets, this.#record)
    } catch (error) {
      // It is kept in memory and written with the next look.
      logger.error({ err: error }, 'how long devices were away could not be written')
    }
  }
}
