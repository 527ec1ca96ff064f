import type { NetworkConfiguration } from '../network/ports.ts'

/**
 * What the box may ask of the machine below it. Satisfied by the request folder on the image, where a root
 * service does it, and by the process itself on any other machine. Rejects with HOST_FAILED and a sentence when
 * something was not done (`details.untouched`: and the machine is as it was), with HOST_UNSUPPORTED when this
 * machine is not the box's to change.
 */
export interface HostControl {
  /** True on the image: reboot means the machine, and network and time zone can be set. */
  readonly ownsMachine: boolean
  /** Reboots the machine; elsewhere restarts the box's program. Resolves once it is certain to happen. */
  reboot(reason: string): Promise<void>
  /** Forgets everything that the box was told and starts it as new. Resolves once it is certain to happen. */
  factoryReset(reason: string): Promise<void>
  /** Makes an IANA name the machine's time zone; only on the image. */
  setTimeZone(timeZone: string, signal?: AbortSignal): Promise<void>
}

/** Who is shut out of the SIP ports by the kernel; only on the image. Rejects like HostControl. */
export interface KernelFirewall {
  change(bans: BanChange, signal?: AbortSignal): Promise<void>
}

/** A step from one list of bans to the next, at most 150 entries each way. */
export interface BanChange {
  /** True: everybody is let in first. */
  flush: boolean
  /** IPv4 addresses, or the first address of an IPv6 /64. */
  ban: { address: string; reach: 'udp' | 'all'; seconds: number }[]
  lift: string[]
}

/**
 * Puts a network configuration into force until the next boot; on the image only. Rejects like HostControl, and
 * when `signal` ends the wait.
 */
export interface NetworkApplier {
  apply(configuration: NetworkConfiguration, signal: AbortSignal): Promise<void>
}
