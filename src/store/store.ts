import type { AuditEntry } from '#src/model/audit-entry.ts'
import type { Binding } from '#src/model/binding.ts'
import type { CallingPolicy } from '#src/model/calling-policy.ts'
import type { CallRecord } from '#src/model/call-record.ts'
import type { Device } from '#src/model/device.ts'
import type { DeviceAccess } from '#src/model/device-access.ts'
import type { Enrolment } from '#src/model/enrolment.ts'
import type { Line, LineSecrets } from '#src/model/line.ts'
import type { SignIn } from '#src/model/sign-in.ts'
import type { User } from '#src/model/user.ts'

/**
 * The whole store: one repository per noun. Synchronous calls have committed when they return; the two
 * frequent ones (bindings, call log) return promises that resolve once the shared transaction they joined
 * is on disk (group commit). All throw or reject with STORE_FAILED and then have changed nothing.
 */
export interface Store {
  readonly settings: SettingsStore
  readonly users: UserStore
  readonly callingPolicies: CallingPolicyStore
  readonly devices: DeviceStore
  readonly deviceAccess: DeviceAccessStore
  readonly enrolments: EnrolmentStore
  readonly lines: LineStore
  readonly bindings: BindingStore
  readonly signIns: SignInStore
  readonly callLog: CallLogStore
  readonly audit: AuditStore
  readonly secrets: SecretStore
  /** Commits what waits, checkpoints, closes. */
  close(): Promise<void>
}

/** Settings as the admin saved them: only what differs from the defaults. */
export interface SettingsStore {
  /** The active document and its etag. */
  active(): { document: Record<string, unknown>; etag: string }
  /** Makes `document` the active one when `ifMatch` is still the active etag, otherwise throws CONFLICT. */
  activate(document: Record<string, unknown>, ifMatch: string): { etag: string }
}

export interface UserStore {
  find(id: string): User | undefined
  findByNumber(number: string): User | undefined
  list(): User[]
  save(user: User): void
  remove(id: string): void
}

export interface CallingPolicyStore {
  /** The user's own policy, else Global, else the defaults. */
  forUser(userId: string): CallingPolicy
  list(): CallingPolicy[]
  save(policy: CallingPolicy): void
  /** Takes a scope's own policy away: Global, or the defaults, hold again. */
  remove(scope: string): void
}

export interface DeviceStore {
  find(id: string): Device | undefined
  findByMac(mac: string): Device | undefined
  findByIpei(ipei: string): Device | undefined
  list(): Device[]
  /** The handsets of a DECT server, by label. */
  listChildren(parentId: string): Device[]
  save(device: Device): void
  /** Removes the device, its handsets, all their lines, bindings and sign-ins. */
  remove(id: string): void
  /** Notes a sighting: shown at once, written at most once a minute per device with the next shared transaction. */
  noteSeen(id: string, atMs: number): void
}

/** How devices get at their own configuration; goes with the device. */
export interface DeviceAccessStore {
  find(deviceId: string): DeviceAccess | undefined
  findByToken(token: string): DeviceAccess | undefined
  save(access: DeviceAccess): void
  noteFetched(deviceId: string, atMs: number): void
  /** The token works no more; a new one can be made. */
  remove(deviceId: string): void
}

/** Announced common area phones; one per MAC or IPEI. */
export interface EnrolmentStore {
  find(id: string): Enrolment | undefined
  findByMac(mac: string): Enrolment | undefined
  findByIpei(ipei: string): Enrolment | undefined
  list(): Enrolment[]
  /** All or nothing; an earlier one of the same id, MAC or IPEI is replaced. */
  saveAll(enrolments: readonly Enrolment[]): void
  remove(id: string): void
}

export interface LineStore {
  find(id: string): Line | undefined
  findByUsername(username: string): Line | undefined
  list(): Line[]
  listByDevice(deviceId: string): Line[]
  /** Seals the password with the line. */
  add(line: Line, password: string): void
  setPassword(id: string, password: string): void
  setLabel(id: string, label: string): void
  password(id: string): string | undefined
  /** Digest secrets, from a cache: nothing is unsealed per REGISTER. */
  secrets(username: string): LineSecrets | undefined
  /** Computes every line's secrets for another digest realm; nothing on disk changes. */
  useRealm(realm: string): void
  remove(id: string): void
}

export interface BindingStore {
  /** Live bindings of an AOR, best q first, then latest. */
  find(aor: string, nowMs: number): Binding[]
  all(nowMs: number): Binding[]
  /**
   * Runs `change` on the AOR's current live bindings and stores what it returns, in turn with every other
   * change, so that two REGISTERs never read the same state. A throw from `change` rejects and stores nothing.
   */
  change(aor: string, nowMs: number, change: (current: Binding[]) => Binding[]): Promise<Binding[]>
  /** Drops what expired before `nowMs`; returns what was dropped. */
  expire(nowMs: number): Promise<Binding[]>
}

export interface SignInStore {
  forLine(lineId: string): SignIn | undefined
  forUser(userId: string): SignIn[]
  list(): SignIn[]
  /** Saves the pairing, the user and the sealed token cache in one transaction, and sets the device's state. */
  save(signIn: SignIn, user: User, tokenCache: string): void
  tokenCache(lineId: string): string | undefined
  /** Forgets the pairing and its tokens, and sets the device's state; false when there was none. */
  remove(lineId: string): boolean
}

export interface CallLogStore {
  add(record: CallRecord): Promise<void>
  /** Latest first; `beforeMs` pages by start time. More than `limit` only where calls of one millisecond share the cut. */
  list(page: { beforeMs?: number; limit: number }): CallRecord[]
  find(id: string): CallRecord | undefined
  count(): number
}

export interface AuditStore {
  add(entry: Omit<AuditEntry, 'id'>): void
  list(page: { beforeId?: number; limit: number }): AuditEntry[]
}

/** Sealed texts by name: the admin's password hash, private keys, the door's secret. */
export interface SecretStore {
  get(name: string): string | undefined
  set(name: string, value: string): void
  remove(name: string): void
}
