import type { Events } from '#src/base/events.ts'
import type { NetworkControl, TrialEnd } from '#src/host/network/ports.ts'
import type { PartHealth } from '#src/model/health.ts'

/** How the box is, as the console shows it. */
export interface ConsoleStatus {
  version: string
  /** True while the lab tenant stands in for Microsoft 365: every screen then says so. */
  lab: boolean
  state: 'ok' | 'starting' | 'degraded' | 'failed'
  parts: readonly PartHealth[]
  uptimeS: number
  liveCalls: number
  /** Undefined: the setup page is at every address of the box. */
  pageAddress: string | undefined
  pagePort: number
  /** What a person reads from the back of the box: names and values. */
  serials: readonly { name: string; value: string }[]
}

/** Who owns the box; `unknown` while its store is not running. */
export type OwnerState = { is: 'claimed' } | { is: 'unclaimed'; code: string } | { is: 'unknown' }

/** The admin and the password, as far as the console touches them. */
export interface ConsoleOwner {
  state(): OwnerState
  /** True when the console asks for the admin's password before it shows anything. */
  passwordWanted(): boolean
  isPassword(password: string): Promise<boolean>
  /** Forgets the password and all logins; a new claim code comes up. Throws PART_NOT_RUNNING. */
  reset(): void
}

/** What makes the box go away for a while. Each rejects with a sentence when it will not happen. */
export interface ConsolePower {
  /** True: a reboot is the machine's. */
  readonly ownsMachine: boolean
  restart(): Promise<void>
  reboot(): Promise<void>
  factoryReset(): Promise<void>
}

/** Everything that the console needs of the box; satisfied by the appliance. */
export interface ConsoleBox {
  status(): ConsoleStatus
  readonly owner: ConsoleOwner
  readonly network: NetworkControl & { readonly events: Events<{ trialEnded: TrialEnd }> }
  readonly power: ConsolePower
  /** The last lines of the log, oldest first, secrets masked. */
  log(): string[]
}

/** An open line to a terminal: a serial port, a tty, or what a test puts in its place. */
export interface ByteStream {
  /** Calls back with what was typed; at most one listener. */
  onBytes(listener: (bytes: Uint8Array) => void): void
  /** Calls back once when the line is gone, with the reason. */
  onEnd(listener: (reason: string) => void): void
  /** Resolves once the system has taken the bytes; rejects when the line is gone. */
  write(bytes: Uint8Array): Promise<void>
  /** Lets go of the device; what is not written is lost. Never rejects. */
  close(): Promise<void>
}
