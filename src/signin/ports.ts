import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { TenantClient } from '#src/microsoft/tenant-client.ts'
import type {
  AuditStore,
  CallingPolicyStore,
  DeviceStore,
  LineStore,
  SignInStore,
  UserStore,
} from '#src/store/store.ts'

/** The repositories that sign-in reads and writes. */
export interface SignInStores {
  devices: Pick<DeviceStore, 'find'>
  lines: Pick<LineStore, 'find'>
  signIns: SignInStore
  users: Pick<UserStore, 'find' | 'save'>
  callingPolicies: Pick<CallingPolicyStore, 'forUser'>
  audit: Pick<AuditStore, 'add'>
}

/** The tenant that people sign in to: id, and how it is asked. */
export interface TenantPort extends TenantClient {
  readonly tenantId: string
}

/** What every part of sign-in takes from the box. */
export interface SignInContext {
  store: SignInStores
  /** Undefined while no tenant is set up, or the lab did not start. */
  tenant: TenantPort | undefined
  clock: Clock
  logger: Logger
}
