import type { LabPerson } from '#src/api/ports.ts'
import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { LogSink } from '#src/host/log-sink.ts'
import type { Notifier } from '#src/host/systemd-notify.ts'
import type { PartHealth } from '#src/model/health.ts'
import type { TenantEndpoints } from '#src/model/tenant.ts'

/** The running lab tenant as main hands it in; no other part imports the lab. */
export interface LabHandle {
  readonly endpoints: TenantEndpoints
  readonly pageUrl: string
  people(): Promise<readonly LabPerson[]>
  /** Tells the lab where the box takes SIP over TLS. */
  tellBox(address: { host: string; tlsPort: number }): void
  /** Hears when the lab's process died, came back, or stays down. */
  onHealth(report: (part: PartHealth) => void): void
  stop(): Promise<void>
}

/** What main has gathered from the command line, the environment and the machine. */
export interface ApplianceOptions {
  version: string
  configFile: string | undefined
  dataDir: string
  /** Settings from the command line; they win over everything. */
  overrides: Record<string, unknown>
  /** The sealing key as systemd hands it over; undefined = a key file in the data directory. */
  sealCredentialFile: string | undefined
  /** Folder of the built setup page. */
  webRoot: string
  notifier: Notifier
  startLab(options: {
    dataDir: string
    listen: string
    logger: Logger
    signal: AbortSignal
  }): Promise<LabHandle>
  /** Stops the box in order and starts it again; returns at once. */
  restart(): void
  /** Stops the box in order, wipes what it made in its data directory, and starts it as new; returns at once. */
  startAnew(): void
  /** Where the maintenance console is: devices, or `auto` for every serial port there is. */
  consoles: readonly string[]
  /** Folder in which the image's host takes requests; undefined = this machine is not the box's to change. */
  hostRequestsDir: string | undefined
  /** Prints for the person at the console. */
  say(text: string): void
  log: LogSink
  clock: Clock
  random: Random
}

/** The running box. */
export interface Appliance {
  /** Refuses new calls, lets live ones finish for the settable time, then stops every part in reverse order. */
  stop(): Promise<void>
}
