import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { MediaEndpoints, Pcm } from '#src/media/endpoint/media-endpoint.ts'
import type { MediaRelay } from '#src/media/media-relay.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TeamsTrunkEndpoints } from '#src/model/tenant.ts'
import type { Store } from '#src/store/store.ts'
import type Srf from 'drachtio-srf'
import type { DirectRequests } from './direct-port.ts'
import type { CallTracePort, EnrolmentPort, FlowsPort, PeerEvidence, SignInPort } from './ports.ts'

/** What the call side needs of the store. */
export type PbxStore = Pick<
  Store,
  'lines' | 'devices' | 'users' | 'signIns' | 'bindings' | 'callLog' | 'callingPolicies' | 'audit'
>

/** Phrases that the box says; satisfied by src/media/endpoint/prompts.ts. */
export interface PromptsPort {
  prompt(name: PromptName): Pcm
  /** Reads letters and digits one by one. */
  spell(text: string): Pcm
}

/** The phrases that the feature codes use. */
export type PromptName =
  | 'sign-in-open'
  | 'sign-in-again'
  | 'signed-in'
  | 'signed-out'
  | 'nobody-signed-in'
  | 'sign-in-failed'
  | 'sign-in-not-allowed'
  | 'tenant-unreachable'
  | 'not-available'
  | 'enrolled'
  | 'enrol-wrong-code'
  | 'enrol-expired'
  | 'enrol-used'
  | 'enrol-no-address'
  | 'enrol-later'
  | 'enrol-failed'
  | 'goodbye'

/** One address on which the SIP engine listens, as peers should use it. */
export interface SipListener {
  protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
  host: string
  port: number
}

/** Everything the call side is made of; it opens no socket and starts no process of its own. */
export interface PbxOptions {
  /** Connected, with any engine behind it. */
  srf: Srf
  /** Our own engine's shorter way for requests that make no dialog; undefined = they come by `srf` too. */
  direct?: DirectRequests
  store: PbxStore
  relay: MediaRelay
  endpoints: MediaEndpoints
  prompts: PromptsPort
  signIn: SignInPort
  /** Undefined: `*55*` says that it is not available. */
  enrolment?: EnrolmentPort
  /** Hears who gave wrong credentials and who registered; undefined = nobody asks. */
  evidence?: PeerEvidence
  /** Undefined: nobody looks into the signalling. */
  callTrace?: CallTracePort
  /** Undefined: another engine, which cannot say which connections are open. */
  flows?: FlowsPort
  /** The settings as they are now. */
  settings: () => Settings
  /** Undefined while no tenant is set up. */
  trunk: TeamsTrunkEndpoints | undefined
  /** The local IP address that packets to this peer leave from. */
  localAddressToward(peerHost: string): Promise<string>
  /** Resolves a trunk host's name; only asked when the engine does not judge certificates (a real drachtio-server). */
  resolveHost?: (name: string) => Promise<string[]>
  listeners: readonly SipListener[]
  /** True when a drachtio-server stands behind `srf`: it cannot say who presented which certificate. */
  foreignEngine?: boolean
  clock: Clock
  random: Random
  logger: Logger
}
