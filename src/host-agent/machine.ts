import type { HostBans, HostNetwork } from './requests.ts'

/** Done, or not done and why: one sentence for a person. */
export type Outcome = { ok: true } | { ok: false; error: string }

/** Done. */
export const done: Outcome = { ok: true }

/** Not done, with the sentence that says why. */
export function refuse(error: string): { ok: false; error: string } {
  return { ok: false, error }
}

/** What the box may have done to its machine. Each is called with what `read-request` let through. */
export interface Machine {
  /** Begins an orderly reboot and returns; the box gets its time to stop. */
  reboot(): Promise<Outcome>
  /** Makes the next start the first one; survives a power cut. */
  markForReset(): Promise<Outcome>
  /** Puts the network into force until the next boot; the one before is back when it fails. */
  setNetwork(network: HostNetwork): Promise<Outcome>
  /** Makes an IANA name the machine's time zone, kept over boots. */
  setTimeZone(timeZone: string): Promise<Outcome>
  /** Shuts out of the SIP ports, in the kernel; all or nothing. */
  setBans(bans: HostBans): Promise<Outcome>
}
