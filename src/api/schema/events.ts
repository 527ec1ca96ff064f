import type { CallView, LiveCallView } from './calls.ts'
import type { HealthView, TrunkView } from './health.ts'

/** The server-sent events of GET /api/events: name to data. */
export interface ApiEvents {
  /** Sent first on each connection: read everything anew. */
  hello: Record<string, never>
  /** A line registered, changed or lost a contact. */
  bindingChanged: { lineId: string | null; username: string; registered: boolean }
  /** Devices or lines were added, renamed or removed. */
  devicesChanged: { deviceId: string }
  /** The time for subscribing handsets to a DECT server began or ended. */
  subscriptionChanged: { serverId: string; closesAtMs: number | null }
  /** The time in which phones are adopted unseen began or ended. */
  adoptionChanged: { closesAtMs: number | null }
  /** Announced phones were added, enrolled, changed or removed. */
  enrolmentsChanged: Record<string, never>
  policiesChanged: { scope: string }
  settingsChanged: { etag: string }
  /** An address was shut out of SIP, or is let in again. */
  bansChanged: { address: string }
  callStarted: LiveCallView
  callChanged: LiveCallView
  callEnded: CallView
  trunkChanged: TrunkView
  signedIn: { lineId: string; userId: string; displayName: string }
  signedOut: { lineId: string; userId: string }
  signInFailed: { lineId: string; code: string; text: string }
  health: HealthView
}

export type ApiEventName = keyof ApiEvents
