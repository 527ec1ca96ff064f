import type { Events } from '#src/base/events.ts'
import type { Device } from '#src/model/device.ts'
import type { Enrolment } from '#src/model/enrolment.ts'
import type { EnrolmentPort, SignInPort } from '#src/pbx/ports.ts'
import type {
  AuditStore,
  BindingStore,
  DeviceAccessStore,
  DeviceStore,
  EnrolmentStore,
  LineStore,
  SecretStore,
} from '#src/store/store.ts'

/** The repositories that onboarding reads and writes. */
export interface OnboardingStores {
  devices: Pick<DeviceStore, 'find' | 'findByMac' | 'findByIpei' | 'list' | 'listChildren' | 'save'>
  deviceAccess: Pick<DeviceAccessStore, 'find' | 'remove'>
  enrolments: EnrolmentStore
  lines: Pick<LineStore, 'find' | 'list' | 'listByDevice' | 'setLabel' | 'setPassword'>
  bindings: Pick<BindingStore, 'all' | 'change'>
  audit: Pick<AuditStore, 'add'>
  /** Keeps how long devices have been away, across restarts. */
  secrets: Pick<SecretStore, 'get' | 'set'>
}

/** What off-boarding asks of sign-in. */
export type SignOutPort = Pick<SignInPort, 'signOut'>

/** Facts that onboarding tells the rest of the box, after they were committed. */
export interface OnboardingEvents {
  /** Provisioning renders the device's configuration anew and tells the phone to fetch it. */
  deviceChanged: { deviceId: string; change: 'enrolled' | 'off-boarded' | 'brought-back' }
  /** Announced devices were added, changed or removed; read the list anew. */
  enrolmentsChanged: Record<string, never>
}

/** A common area phone that the admin announces: exactly one of `mac` and `ipei` is there, in the store's notation. */
export interface Announcement {
  mac: string | undefined
  ipei: string | undefined
  label: string
  location: string
}

/** `enrolled`: the code was dialled on the device. `expired`: nobody dialled it in time. */
export type EnrolmentState = 'waiting' | 'enrolled' | 'expired'

/** An announced device as a page shows it. */
export interface AnnouncedDevice {
  enrolment: Enrolment
  state: EnrolmentState
  /** The device that has this address now, enrolled or not; undefined when the box never saw it. */
  device: Device | undefined
}

/** One line of an uploaded file: what would be announced, or why it cannot be. */
export type PreviewRow =
  | { line: number; kind: 'good'; announcement: Announcement; note: string | undefined }
  | { line: number; kind: 'broken'; address: string; text: string }

/** Why and when a device was off-boarded. */
export interface OffBoarded {
  deviceId: string
  atMs: number
  reason: 'stale' | 'admin'
  /** How long it had not been seen while the box was up; ms. */
  unseenMs: number
  /** A sentence for the page. */
  text: string
}

/** Announced common area phones; satisfied by `announced-devices.ts`. */
export interface Announcing {
  list(): AnnouncedDevice[]
  /** Reads an uploaded file and saves nothing; throws TOO_LARGE or INVALID when no row can be read at all. */
  preview(file: Uint8Array): PreviewRow[]
  /** All or nothing: CONFLICT names the first address that is announced already. */
  announce(announcements: readonly Announcement[], actor: string): AnnouncedDevice[]
  /** Draws a new code that is valid from now on; undefined when there is no such entry. */
  renewCode(id: string, actor: string): AnnouncedDevice | undefined
  /** The code works no more; a device that was enrolled with it stays as it is. False when there was none. */
  remove(id: string, actor: string): boolean
}

/** Off-boarding and return of devices. */
export interface OffBoarding {
  /** Devices that are off-boarded now, latest first. */
  offBoarded(): OffBoarded[]
  /** Days after which a device is off-boarded, as set now. */
  staleDays(): { signedInStaleDays: number; signedOutStaleDays: number }
  /** Off-boards a device (of a DECT server: its handsets too); CONFLICT when it is off-boarded already. */
  offBoard(deviceId: string, actor: string): Promise<void>
  /** Takes an off-boarded device back, with new credentials and nobody signed in; CONFLICT when it is none. */
  bringBack(deviceId: string, actor: string): void
}

/** Everything that the box does about who may become a device of it, and who is one no longer. */
export interface Onboarding extends Events<OnboardingEvents>, EnrolmentPort, Announcing, OffBoarding {
  /** Looks at all devices now and every hour until `stop`. */
  start(): void
  stop(): Promise<void>
}
