import type { Events } from '#src/base/events.ts'
import type { DectServerView, LineView } from '#src/devices/device-view.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'

/** DECT as the rest of the box sees it. */
export interface DectPort extends Events<DectEvents> {
  readonly servers: DectServers
  readonly handsets: Handsets
  readonly subscription: Subscription
  readonly configuration: DectConfiguration
}

/** Facts that DECT tells the rest of the box. */
export interface DectEvents {
  /** A server's files are not what they were: it should fetch them. */
  configurationChanged: { serverId: string }
  /** Undefined: closed. */
  windowChanged: { serverId: string; window: SubscriptionWindow | undefined }
}

/** DECT servers: devices whose lines stand on their handsets. */
export interface DectServers {
  /** Models whose files the box writes, as the catalogue spells them, with their brand. */
  models(): { vendor: string; model: string }[]
  /** By label. */
  list(): Device[]
  /** `mac` in any printed form. Throws CONFLICT when a device has this MAC, INVALID for a model without files. */
  add(server: { label: string; mac: string; model: string }): Device
  /** Takes its handsets with it, and all that is kept of them; throws NOT_FOUND. */
  remove(serverId: string): void
}

/**
 * How far a handset has come. `announced`: the box knows it, it has never been heard. `subscribed`: it has
 * registered at least once, so the radio side must know it; the box sees no more of the radio.
 */
export type HandsetState = 'announced' | 'subscribed' | 'registered' | 'signed-in'

/** A handset with its one line. */
export interface Handset {
  device: Device
  line: Line
  extension: string | undefined
  state: HandsetState
  /** Whether it can be reached now; a person stays signed in on it while it is away. */
  registered: boolean
}

/** A handset to be added. */
export interface NewHandset {
  /** In any printed form. */
  ipei: string
  label: string
  /** Up to six digits, dialled from other phones; undefined for none. */
  extension?: string | undefined
  /** Where it stands in the text it came from, from 1; its place in the list when undefined. */
  row?: number | undefined
}

/** One row of a list that cannot be taken; `row` counts from 1. */
export interface HandsetProblem {
  row: number
  field: 'ipei' | 'label' | 'extension' | 'row'
  text: string
}

/** The handsets behind a server. */
export interface Handsets {
  /** By label. */
  list(serverId: string): Handset[]
  /** Adds all or none; throws INVALID with every {@link HandsetProblem} in `details.problems`. */
  add(serverId: string, handsets: readonly NewHandset[]): Promise<Handset[]>
  /** Gives it another name and extension (undefined: none); throws NOT_FOUND, and INVALID with `details.field`. */
  rename(handsetId: string, to: { label: string; extension: string | undefined }): Handset
  /** Takes line, credentials and binding with it and touches no other handset; throws NOT_FOUND. */
  remove(handsetId: string): void
  /** What is typed on the handset when it subscribes: 4 to 8 digits; throws NOT_FOUND. */
  accessCode(handsetId: string): string
}

/** A bounded time in which a server lets handsets subscribe. Epoch ms. */
export interface SubscriptionWindow {
  serverId: string
  openedAtMs: number
  closesAtMs: number
}

/** Opens and closes the time for subscribing; a restart of the box closes every window. */
export interface Subscription {
  /** Opens it anew, also when it is open. Throws NOT_FOUND, and INVALID outside of 1 to 60 minutes. */
  open(serverId: string, durationMs: number): SubscriptionWindow
  close(serverId: string): void
  find(serverId: string): SubscriptionWindow | undefined
}

/** What a server's files are rendered from; provisioning puts it into the device's view. */
export interface DectConfiguration {
  /** The accounts of all handsets with IPEI and access code, in a steady order, and the server's own part. */
  viewOf(serverId: string): { lines: LineView[]; dect: DectServerView }
}
