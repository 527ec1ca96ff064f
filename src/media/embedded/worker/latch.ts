import type { Endpoint } from '#src/base/net.ts'

/** How well a source fits the description: its very address, its host, or neither. */
const fit = { exact: 2, host: 1, none: 0 } as const

/**
 * Where a peer really is. Phones sit behind NAT, so the signalled address is only where we send at first:
 * the first proven packet tells the true address, and the latch then holds it until the next offer and answer.
 * What proves a packet is the caller's business: the tag for SRTP, a known payload type for plain RTP.
 *
 * That proof is weak for plain RTP: a stranger who guesses a port and a codec may come first. So a source that fits
 * the description better takes the latch over, and only such a one: a phone that is where it said it is gets its
 * call back with its next packet, and nobody can take it from there.
 */
export class Latch {
  #signalled: Endpoint | undefined
  #peer: Endpoint | undefined
  #locked = false
  #ready = false
  #peerFit: number = fit.none

  /** Where packets are to be sent; undefined = nowhere yet. */
  get target(): Endpoint | undefined {
    return this.#peer ?? this.#signalled
  }

  /** The address of the last proven packet that was let in by lock. */
  get peer(): Endpoint | undefined {
    return this.#peer
  }

  get locked(): boolean {
    return this.#locked
  }

  get signalled(): Endpoint | undefined {
    return this.#signalled
  }

  /** True when the address is the one signalled before, or says nothing new because it is a hold. */
  expects(signalled: Endpoint | undefined): boolean {
    if (!this.#ready || signalled === undefined) return this.#ready
    return signalled.host === this.#signalled?.host && signalled.port === this.#signalled.port
  }

  /**
   * Opens the latch for a new description. We go on sending to the old peer when its signalled address
   * stays the same: a phone behind NAT says the same useless address again in each re-INVITE. A hold by
   * c=0.0.0.0 names no address; the old one comes back with the resume.
   */
  open(signalled: Endpoint | undefined): void {
    if (signalled !== undefined) {
      if (!this.expects(signalled)) this.#peer = undefined
      this.#signalled = signalled
    }
    this.#locked = false
    this.#ready = true
  }

  /** False for a packet that cannot come from the peer: nothing described yet, or locked to an address that fits as well. */
  admits(host: string, port: number): boolean {
    if (!this.#locked) return this.#ready
    const peer = this.#peer!
    return (port === peer.port && host === peer.host) || this.#fit(host, port) > this.#peerFit
  }

  /** Locks on the source of a proven packet that was admitted. True when that is a change of address. */
  prove(host: string, port: number): boolean {
    const peer = this.#peer
    const same = peer !== undefined && peer.port === port && peer.host === host
    if (this.#locked && (same || this.#fit(host, port) <= this.#peerFit)) return false
    this.#locked = true
    this.#peerFit = this.#fit(host, port)
    if (same) return false
    this.#peer = { host, port }
    return true
  }

  #fit(host: string, port: number): number {
    const signalled = this.#signalled
    if (signalled === undefined || host !== signalled.host) return fit.none
    return port === signalled.port ? fit.exact : fit.host
  }
}
