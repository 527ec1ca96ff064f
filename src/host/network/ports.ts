/** How the box gets its IPv4 address. IPv6 configures itself (RFC 4862) and is only shown. */
export type NetworkConfiguration = DhcpConfiguration | StaticConfiguration

interface OnInterface {
  /** Name such as `eth0`; undefined = the host's only wired one. */
  interface?: string | undefined
  /** IEEE 802.1Q tag, 1 to 4094; undefined = untagged. */
  vlan?: number | undefined
}

export interface DhcpConfiguration extends OnInterface {
  mode: 'dhcp'
}

export interface StaticConfiguration extends OnInterface {
  mode: 'static'
  /** IPv4, dotted. */
  address: string
  /** 1 to 30. */
  prefixLength: number
  /** In the same subnet; null = the box reaches its own subnet only. */
  gateway: string | null
  /** IPv4 addresses, at most three. */
  dns: string[]
}

/** One network interface as the operating system has it now; loopback is left out. */
export interface InterfaceState {
  name: string
  /** `aa:bb:cc:dd:ee:ff`. */
  mac: string | undefined
  /** undefined: the system does not say. */
  link: 'up' | 'down' | undefined
  /** A port with a cable, not a tunnel or bridge. */
  physical: boolean
  addresses: { address: string; prefixLength: number; family: 4 | 6 }[]
}

/** The network as the operating system has it now. */
export interface SystemNetwork {
  interfaces: InterfaceState[]
  /** Default routes, the preferred first. */
  gateways: string[]
  dns: string[]
}

/** A configuration that is in force and is taken back unless somebody confirms it. */
export interface NetworkTrial {
  /** `applying`: asked of the host. `onTrial`: in force. `rollingBack`: the confirmed one is being put back. */
  state: 'applying' | 'onTrial' | 'rollingBack'
  configuration: NetworkConfiguration
  /** Until it is taken back; 0 unless `onTrial`. */
  secondsLeft: number
}

/** Everything the page and the console show of the network. */
export interface NetworkView {
  /** False: this machine's operating system manages its network, the box only shows it. */
  supported: boolean
  system: SystemNetwork
  /** Confirmed by somebody; undefined = the host's own default (DHCP). */
  configured: NetworkConfiguration | undefined
  trial: NetworkTrial | undefined
  /** Why the last change is not in force, one sentence. */
  lastFailure: string | undefined
}

/** What proves that the confirmation came over the new configuration. */
export type NetworkProof =
  | { by: 'console' }
  /** The local address at which the request arrived. */
  | { by: 'page'; localAddress: string }

/** Shows and changes the machine's network. */
export interface NetworkControl {
  view(): Promise<NetworkView>
  /**
   * Checks a configuration and puts it into force for 60 s; resolves when it is in force. `token` lets who asked
   * confirm without a login, which does not reach over to a new address. Rejects with INVALID (`details.field`),
   * TRIAL_RUNNING, HOST_UNSUPPORTED or HOST_FAILED.
   */
  startTrial(configuration: NetworkConfiguration, by: string): Promise<{ trial: NetworkTrial; token: string }>
  /** Keeps what is on trial. Rejects with TRIAL_NONE, or with TRIAL_UNPROVEN when the proof is of the old configuration. */
  confirm(proof: NetworkProof): Promise<void>
  /** True when `token` is the running trial's own. */
  isTrialToken(token: string): boolean
  /** Takes the trial back now; rejects with TRIAL_NONE. */
  rollBack(): Promise<void>
}

/** How a trial ended. */
export interface TrialEnd {
  kept: boolean
  /** One sentence for whoever waits. */
  text: string
}

/** How long a trial waits for its confirmation. */
export const trialMs = 60_000
