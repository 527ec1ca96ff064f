import type { Events } from '#src/base/events.ts'
import type { DectServerView, LineView } from '#src/devices/device-view.ts'
import type { IdentifiedDevice } from '#src/devices/identify.ts'
import type { Device } from '#src/model/device.ts'
import type { Settings } from '#src/model/settings.ts'
import type { Store } from '#src/store/store.ts'

/** One HTTP request as a door of the box received it; nothing in it is to be believed. */
export interface DeviceRequest {
  method: string
  /** Path and query as received, not decoded. */
  url: string
  /** Lower-case names, as Node gives them. */
  headers: Record<string, string | string[] | undefined>
  /** True when it came through TLS. */
  secure: boolean
  /** IP address of the socket's far end. */
  remoteAddress: string
  /** Host under which the device reached the box, without port. */
  reachedHost: string
  /** IP address of our end of the socket. */
  localAddress: string
}

/** The whole answer. A request's body is never needed: the door takes it away, within bounds. */
export interface DeviceAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** What both doors ask before they answer 404 or redirect. */
export interface DeviceDoor {
  /** Undefined: no device sent this. Never rejects because of what was sent. */
  answer(request: DeviceRequest): Promise<DeviceAnswer | undefined>
}

/** A time in which every phone that asks is adopted without a click; ends with a restart. Epoch ms. */
export interface AdoptionWindow {
  openedAtMs: number
  closesAtMs: number
}

/** Somebody asked for a configuration that had been handed over, or that would carry a person's identity. */
export interface RefusedNote {
  deviceId: string
  from: string
  /** The latest time. */
  atMs: number
  /** Times since the note was made. */
  count: number
  why: 'handed-over' | 'in-use' | 'other-address'
}

/** Phones that nobody has vouched for yet, and what an admin may decide about them. */
export interface FoundDevices {
  /** Latest first, with the address that has the configuration. */
  list(): { device: Device; from: string | undefined; fetchedAtMs: number | undefined }[]
  /** False when there is no such device or it is not `found`. */
  adopt(deviceId: string, actor: string): boolean
  /**
   * A phone that was reset may fetch its configuration as if it were new: with another password, and with nobody
   * signed in, so that whoever asks first gains no identity. Only `from` is served, the address that the admin was
   * shown; without it that of the latest note, if there is one. False when there is no such device, or it is none
   * that is configured from here.
   */
  allowAgain(deviceId: string, actor: string, from?: string): Promise<boolean>
  refused(): RefusedNote[]
  readonly window: AdoptionControl
}

/** The adoption window as the page works it. */
export interface AdoptionControl {
  current(): AdoptionWindow | undefined
  /** Opens it, or anew; what is found already is adopted at once. */
  open(durationMs: number, actor: string): AdoptionWindow
  close(actor: string): void
}

/** Facts that provisioning tells the rest of the box. */
export interface ProvisioningEvents {
  /** A device was found, adopted, refused, or said something new about itself. */
  deviceChanged: { deviceId: string }
  windowChanged: { window: AdoptionWindow | undefined }
}

/** The room as the rest of the box sees it. */
export interface Provisioning extends Events<ProvisioningEvents> {
  readonly door: DeviceDoor
  readonly found: FoundDevices
  /** Whether a device that looks for its server by multicast is to be told that it is this one. */
  wants(device: IdentifiedDevice, from: string): boolean
  /** A device was taken back with new passwords and nobody on it: it may fetch its configuration as if it were new. */
  expectAgain(deviceId: string): void
  /** Something that this device's files are made of has changed: the phone is told to fetch them. */
  deviceChanged(deviceId: string): void
  /** The same at once, for what ends the device's registrations and with them the way to it. */
  tellNow(deviceId: string): void
  /** Something that all files are made of has changed. */
  everythingChanged(): void
  stop(): Promise<void>
}

/** Repositories that provisioning reads and writes. */
export type ProvisioningStore = Pick<
  Store,
  | 'devices'
  | 'deviceAccess'
  | 'lines'
  | 'bindings'
  | 'users'
  | 'signIns'
  | 'callingPolicies'
  | 'audit'
  | 'secrets'
>

/** Where devices find the box. A port is undefined while its door is closed. */
export interface BoxAddress {
  /** Undefined: the host under which a device reached the box is the right one. */
  address: string | undefined
  /** Names that the box's certificate is good for, lower case: a phone checks them. */
  names: readonly string[]
  httpPort: number
  httpsPort: number
  udpPort: number | undefined
  tcpPort: number | undefined
  tlsPort: number | undefined
  realm: string
}

/** Sends a NOTIFY to whatever is registered on a line; satisfied by the call side. */
export interface LineNotifier {
  /** Resolves with how many contacts there are and how many said 2xx; never rejects. */
  notify(
    username: string,
    notification: { event: string; contentType?: string; body?: string },
  ): Promise<{ contacts: number; answered: number }>
}

/** A registration that came, changed or went. */
export interface RegistrationEvents {
  bindingChanged: { aor: string; bindings: readonly unknown[] }
}

/** What the screens of a phone need of sign-in; satisfied by src/signin. */
export interface ScreenSignIn extends Events<ScreenSignInEvents> {
  begin(
    lineId: string,
    actor: string,
  ): Promise<{ userCode: string; verificationUri: string; expiresAtMs: number }>
  status(
    lineId: string,
  ):
    | { state: 'awaitingUser'; userCode: string; verificationUri: string; expiresAtMs: number }
    | { state: 'signedIn'; userId: string }
    | { state: 'failed'; code: string; text: string }
    | undefined
  cancel(lineId: string): void
  signOut(lineId: string, actor: string): Promise<boolean>
}

/** What becomes of sign-ins, wherever they were started. */
export interface ScreenSignInEvents {
  signedIn: { signIn: { lineId: string }; user: { displayName: string } }
  signedOut: { lineId: string; userId: string }
  signInFailed: { lineId: string; code: string; text: string }
}

/** The part of a DECT server's view that its own room knows; satisfied by src/dect. */
export interface DectViews {
  viewOf(serverId: string): { lines: LineView[]; dect: DectServerView }
}

/** The settings as they are now. */
export type SettingsNow = () => Pick<Settings, 'site' | 'provisioning'>
