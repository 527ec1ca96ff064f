import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { NetworkControl } from '#src/host/network/ports.ts'
import type { HostControl } from '#src/host/requests/ports.ts'
import type { DectPort } from '#src/dect/ports.ts'
import type { PartHealth } from '#src/model/health.ts'
import type { Onboarding } from '#src/onboarding/ports.ts'
import type { Pbx, SignInPort } from '#src/pbx/ports.ts'
import type { Provisioning } from '#src/provisioning/ports.ts'
import type { Store } from '#src/store/store.ts'
import type { SetupOptions } from './setup/options.ts'
import type { BansPort } from './bans-port.ts'
import type { TracesPort } from './traces-port.ts'

/** What the page needs of the store: everything but closing it. */
export type ApiStore = Omit<Store, 'close'>

/** How the whole box is; must answer at once and never throw, also while the box starts. */
export interface BoxHealth {
  state: 'ok' | 'starting' | 'degraded' | 'failed'
  version: string
  /** True while the lab tenant is on: every page then says "lab". */
  lab: boolean
  parts: PartHealth[]
}

/** What a phone must be told to register here. */
export interface BoxFacts {
  /** Undefined: the address at which the admin reached the page is the right one for phones too. */
  address: string | undefined
  udpPort: number | undefined
  tcpPort: number | undefined
  tlsPort: number | undefined
  realm: string
  /** The box's own certificate authority, PEM. */
  caPem: string
}

/** Reads and changes the settings; satisfied by src/settings. */
export interface SettingsService {
  /**
   * `document`: what was saved; `effective`: with every default filled in. `pendingRestart`: paths that wait for a
   * restart. `problems`: what of the saved document cannot be used, by the path to take out.
   */
  read(): {
    document: Record<string, unknown>
    effective: Record<string, unknown>
    etag: string
    pendingRestart: string[]
    problems: { field: string; text: string }[]
  }
  /**
   * Merges `patch` (RFC 7396: null takes a value back to its default) when `ifMatch` is the current etag,
   * else throws CONFLICT; CONFIG_INVALID names the field in `details.field`.
   */
  change(
    patch: Record<string, unknown>,
    ifMatch: string,
  ): Promise<{ etag: string; applied: string[]; pendingRestart: string[] }>
}

/** A person of the lab tenant: to sign in as, or to call. */
export interface LabPerson {
  id: string
  upn: string
  displayName: string
  number: string | undefined
  licensed: boolean
  /** False for the numbers that only answer calls. */
  canSignIn: boolean
  /** What this person is for, one sentence. */
  purpose: string
}

/** The lab tenant as the page shows it. */
export interface LabPort {
  /** Where the sign-in code is entered. */
  pageUrl: string
  people(): Promise<readonly LabPerson[]>
}

/** Everything the box counts, by dotted name: `sip.dialogsAlive`. */
export interface CountersPort {
  read(): Promise<Record<string, number>>
}

/**
 * The parts of the box that the page works with. Each is undefined while it is not running; the page then
 * says so. Handed over, and taken back, with `attach` as the box starts them.
 */
export interface ApiParts {
  store: ApiStore | undefined
  settings: SettingsService | undefined
  pbx: Pbx | undefined
  signIn: SignInPort | undefined
  onboarding: Onboarding | undefined
  lab: LabPort | undefined
  counters: CountersPort | undefined
  traces: TracesPort | undefined
  bans: BansPort | undefined
  provisioning: Provisioning | undefined
  dect: DectPort | undefined
  network: NetworkControl | undefined
  host: HostControl | undefined
}

/** Certificate chain and key of the setup page, PEM. */
export interface PageCertificate {
  certPem: string
  keyPem: string
}

/** Everything the API needs to start. Ports may be 0: the system then chooses. */
export interface ApiOptions {
  listen: { host: string; httpsPort: number; httpPort: number }
  certificate: PageCertificate
  /** Folder with the built page (`web/dist`); the API runs without it and says so at `/`. */
  webRoot: string
  health(): BoxHealth
  box(): BoxFacts
  /** Stops the box in order and starts it again; returns at once. */
  restart(): void
  clock: Clock
  random: Random
  logger: Logger
  /** Parts that are running already; more follow with `attach`. */
  parts?: Partial<ApiParts>
  /** What the setup wizard needs of the machine. */
  setup?: SetupOptions
  /** Cost of password hashing; only tests lower it. */
  passwordCost?: { memoryKiB: number; iterations: number }
}

/** The running API. */
export interface ApiHandle {
  readonly httpsPort: number
  readonly httpPort: number
  /** Hands over parts as they start (or `undefined` as they stop); those not named stay as they are. */
  attach(parts: Partial<ApiParts>): void
  /** The code that claims the box, `1234-5678`; undefined once it has an owner or while there is no store. */
  claimCode(): string | undefined
  /** Calls back with the claim code now and whenever it changes, with undefined once the box is claimed. */
  setClaimListener(listener: (code: string | undefined) => void): void
  /** Forgets the admin's password and every login; a new claim code comes up. Throws PART_NOT_RUNNING. */
  resetAdmin(): void
  /** Throws NOT_CLAIMED or PASSWORD_WRONG; the caller slows guesses down. */
  checkPassword(password: string): Promise<void>
  /** New connections get the new certificate. */
  reloadCertificate(certificate: PageCertificate): void
  stop(): Promise<void>
}
