import { ApplianceError } from '#src/base/errors.ts'
import type { Random } from '#src/base/random.ts'
import type { Device } from '#src/model/device.ts'
import type { Enrolment } from '#src/model/enrolment.ts'
import { noteAudit, type OnboardingContext } from './context.ts'
import { formatDeviceAddress } from './device-address.ts'
import { codeLifeMs, drawCode, enrolmentState } from './enrolment-code.ts'
import { judgeRows } from './judge-rows.ts'
import type { AnnouncedDevice, Announcement, Announcing, PreviewRow } from './ports.ts'
import { readAnnouncements } from './read-announcements.ts'

/** More than any branch has; keeps the list readable and its reading quick. */
export const maxAnnounced = 5_000

/** “Corridor 9” stands before “Corridor 10”. */
const byName = new Intl.Collator('en', { numeric: true })

/** Keeps the list of announced common area phones and draws their codes. */
export class AnnouncedDevices implements Announcing {
  readonly #context: OnboardingContext
  readonly #random: Random
  readonly #onChanged: () => void

  constructor(context: OnboardingContext, random: Random, onChanged: () => void) {
    this.#context = context
    this.#random = random
    this.#onChanged = onChanged
  }

  list(): AnnouncedDevice[] {
    const devices = this.#devicesByAddress()
    return this.#context.store.enrolments
      .list()
      .sort((a, b) => a.createdAtMs - b.createdAtMs || byName.compare(a.label, b.label))
      .map((enrolment) => this.#view(enrolment, devices.get(addressOf(enrolment))))
  }

  preview(file: Uint8Array): PreviewRow[] {
    const announced = new Map(
      this.#context.store.enrolments
        .list()
        .map((enrolment) => [
          addressOf(enrolment),
          { label: enrolment.label, state: enrolmentState(enrolment, this.#context.clock) },
        ]),
    )
    return judgeRows(readAnnouncements(file), { announced, devices: this.#devicesByAddress() })
  }

  announce(announcements: readonly Announcement[], actor: string): AnnouncedDevice[] {
    const { store, clock } = this.#context
    const existing = store.enrolments.list()
    this.#refuseDuplicates(announcements, existing)
    if (existing.length + announcements.length > maxAnnounced) {
      throw new ApplianceError(
        'CONFLICT',
        { most: maxAnnounced, now: existing.length },
        {
          text: `At most ${maxAnnounced} devices can be announced at a time; there are ${existing.length} already.`,
          advice: 'Remove those that are enrolled: they stay what they are.',
        },
      )
    }
    const codes = new Set(existing.map(({ code }) => code))
    const createdAtMs = clock.nowMs()
    const enrolments = announcements.map(({ mac, ipei, label, location }): Enrolment => {
      const code = drawCode(this.#random, codes)
      codes.add(code)
      const expiresAtMs = createdAtMs + codeLifeMs
      const id = this.#random.token(16)
      return {
        id,
        code,
        mac,
        ipei,
        label,
        location,
        createdAtMs,
        expiresAtMs,
        usedAtMs: undefined,
        deviceId: undefined,
      }
    })
    store.enrolments.saveAll(enrolments)
    const [first] = enrolments
    if (first) {
      const details = {
        addresses: enrolments.map(formatDeviceAddress),
        label: first.label,
        location: first.location,
      }
      const subject = enrolments.length === 1 ? first.id : `${enrolments.length} devices`
      noteAudit(this.#context, { actor, action: 'enrolment.announce', subject, details })
      this.#onChanged()
    }
    const devices = this.#devicesByAddress()
    return enrolments.map((enrolment) => this.#view(enrolment, devices.get(addressOf(enrolment))))
  }

  renewCode(id: string, actor: string): AnnouncedDevice | undefined {
    const { store, clock } = this.#context
    const before = store.enrolments.find(id)
    if (!before) return undefined
    const taken = new Set(store.enrolments.list().map(({ code }) => code))
    const renewed: Enrolment = {
      ...before,
      code: drawCode(this.#random, taken),
      expiresAtMs: clock.nowMs() + codeLifeMs,
      usedAtMs: undefined,
      deviceId: undefined,
    }
    store.enrolments.saveAll([renewed])
    const details = { address: formatDeviceAddress(before), before: enrolmentState(before, clock) }
    noteAudit(this.#context, { actor, action: 'enrolment.newCode', subject: id, details })
    this.#onChanged()
    return this.#view(renewed, this.#devicesByAddress().get(addressOf(renewed)))
  }

  remove(id: string, actor: string): boolean {
    const { store } = this.#context
    const enrolment = store.enrolments.find(id)
    if (!enrolment) return false
    store.enrolments.remove(id)
    const details = { address: formatDeviceAddress(enrolment), label: enrolment.label }
    noteAudit(this.#context, { actor, action: 'enrolment.remove', subject: id, details })
    this.#onChanged()
    return true
  }

  #view(enrolment: Enrolment, device: Device | undefined): AnnouncedDevice {
    return { enrolment, state: enrolmentState(enrolment, this.#context.clock), device }
  }

  #devicesByAddress(): Map<string, Device> {
    return new Map(this.#context.store.devices.list().map((device) => [addressOf(device), device]))
  }

  #refuseDuplicates(announcements: readonly Announcement[], existing: readonly Enrolment[]): void {
    const taken = new Map(existing.map((enrolment) => [addressOf(enrolment), enrolment.label]))
    for (const [index, announcement] of announcements.entries()) {
      const label = taken.get(addressOf(announcement))
      if (label !== undefined) {
        throw new ApplianceError(
          'CONFLICT',
          { field: `devices.${index}.address`, index },
          {
            text: `${formatDeviceAddress(announcement)} is announced already, as “${label}”.`,
            advice: 'Nothing was saved. Make a new code for that entry, or remove it first.',
          },
        )
      }
      taken.set(addressOf(announcement), announcement.label)
    }
  }
}

/** Key of a device in a table: MAC addresses and IPEIs have different lengths and never meet. */
function addressOf({ mac, ipei }: { mac: string | undefined; ipei: string | undefined }): string {
  return mac ?? ipei ?? ''
}
