import type { Events } from '#src/base/events.ts'
import type { CallParty, LiveCall, CallRecord } from '#src/model/call-record.ts'
import type { Binding, FlowAddress } from '#src/model/binding.ts'
import type { SignIn } from '#src/model/sign-in.ts'
import type { User } from '#src/model/user.ts'

/** What the call side asks of sign-in; satisfied by src/signin. */
export interface SignInPort extends Events<SignInEvents> {
  /** Starts, or joins, the device-code flow of a line. Rejects with TENANT_UNREACHABLE. */
  begin(lineId: string, actor: string): Promise<PendingSignIn>
  /** Pending, failed or done; undefined when nothing was ever started since boot. */
  status(lineId: string): SignInStatus | undefined
  cancel(lineId: string): void
  /** False when nobody was signed in. */
  signOut(lineId: string, actor: string): Promise<boolean>
}

export interface PendingSignIn {
  userCode: string
  verificationUri: string
  expiresAtMs: number
}

/** `failed` carries a sentence for the person in front of the phone. */
export type SignInStatus =
  | ({ state: 'awaitingUser' } & PendingSignIn)
  | { state: 'signedIn'; userId: string }
  | { state: 'failed'; code: string; text: string }

export interface SignInEvents {
  signedIn: { signIn: SignIn; user: User }
  signedOut: { lineId: string; userId: string }
  signInFailed: { lineId: string; code: string; text: string }
}

/** What the call side asks of enrolment by a dialled code; satisfied by src/onboarding. */
export interface EnrolmentPort {
  /** Enrols the device that this line belongs to. Throws STORE_FAILED: then nothing is enrolled. */
  enrol(lineId: string, code: string): EnrolmentResult
}

/** `text` is a sentence for the call log, never with the code in it. */
export type EnrolmentResult =
  | { kind: 'enrolled'; label: string; location: string; text: string }
  | { kind: 'refused'; why: EnrolmentRefusal; text: string }

/** `wrong-code` covers the code of another device too where the caller hears it: guessing must not find codes. */
export type EnrolmentRefusal =
  'wrong-code' | 'other-device' | 'expired' | 'used' | 'no-address' | 'too-many-tries'

/** Told which SIP dialogs make up a call, so that their messages can be shown together. Must not throw. */
export interface CallTracePort {
  /** `sipCallId` is a leg of this call, with `party` at its far end. */
  join(callId: string, sipCallId: string, party: CallParty): void
}

/** Facts the call side tells the rest of the box. */
export interface PbxEvents {
  bindingChanged: { aor: string; bindings: Binding[] }
  /** A connection is gone that these bindings stand on; the bindings themselves are as they were. */
  flowClosed: { aor: string; bindings: Binding[] }
  callStarted: LiveCall
  callChanged: LiveCall
  callEnded: CallRecord
  trunkChanged: TrunkHealth
}

/** How a trunk is, host by host. */
export interface TrunkHealth {
  name: string
  state: 'up' | 'degraded' | 'down' | 'off'
  hosts: { name: string; up: boolean; lastOkAtMs: number | undefined; lastError: string | undefined }[]
}

/** A NOTIFY to whatever is registered on a line. */
export interface LineNotification {
  /** Value of the Event field, with its parameters: `check-sync;reboot=false`. */
  event: string
  contentType?: string
  body?: string
}

/** How many contacts a line has, and how many of them said 2xx. */
export interface NotifyResult {
  contacts: number
  answered: number
}

/**
 * What the call side has found out about the addresses that requests come from; whoever shuts abusers out listens
 * (the engine's guard). A challenge (401, 407) and the answer to it is nobody's fault and is never told. Must not
 * throw, must not wait. `host` is the source address of the packet or connection.
 */
export interface PeerEvidence {
  /** Credentials of a line that exists did not hold. The address has received our nonce before: it is no forgery. */
  wrongPassword(host: string, username: string): void
  /** The same with a username that is no line's. */
  unknownUser(host: string, username: string): void
  /**
   * A nonce that we never made or whose count was used before. Harmless once or twice (the box restarted, two packets
   * overtook each other), and over UDP anybody can put this address into a packet.
   */
  staleNonce(host: string): void
  /** A registration was proven and stands until then (wall clock, ms): vouches for the address. */
  registered(host: string, untilMs: number): void
}

/** What the call side asks about the connections of phones; satisfied by our own engine. */
export interface FlowsPort {
  /** True while requests can go over this connection; never asked about UDP. */
  isOpen(flow: FlowAddress): boolean
  /** Calls back when a connection from outside is gone; the result stops that. */
  onClosed(listener: (flow: FlowAddress) => void): () => void
}

/** What the rest of the box may ask of the call side. */
export interface Pbx extends Events<PbxEvents> {
  liveCalls(): LiveCall[]
  /** Ends a call from outside (the page, shutdown); false when it is gone. */
  hangUp(callId: string): boolean
  trunks(): TrunkHealth[]
  counters(): Record<string, number>
  /** True while requests can go over a phone's connection; undefined over UDP and with another engine: nobody knows. */
  flowOpen(flow: FlowAddress): boolean | undefined
  /** Notifies every phone that is registered on the line; resolves when all have answered or given up, never rejects. */
  notify(username: string, notification: LineNotification): Promise<NotifyResult>
  /** New calls get 503 with Retry-After from now on; resolves when no call is left or `graceMs` is over and the rest were ended. */
  drain(graceMs: number): Promise<void>
  stop(): Promise<void>
}
