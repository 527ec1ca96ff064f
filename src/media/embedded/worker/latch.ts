import type { Endpoint } from '#src/base/net.ts'

/**
 * Where a peer really is. Phones sit behind NAT, so the signalled address is only where we send at first:
 * the first proven packet tells the true address, and the latch then holds it until the next offer and answer.
 * What proves a packet is the caller's business: the tag for SRTP, a known payload type for plain RTP.
 */
export class Latch {
  #signalled: Endpoint | undefined
  #peer: Endpoint | undefined
  #locked = false
  #ready = false

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

  /** False for a packet that cannot come from the peer: nothing described yet, or locked to another address. */
  admits(host: string, port: number): boolean {
    if (!this.#locked) return this.#ready
    const peer = this.#peer!
    return port === peer.port && host === peer.host
  }

  /** Locks on the source of a proven packet. True when that is a change of address. */
  prove(host: string, port: number): boolean {
    if (this.#locked) return false
    this.#locked = true
    const peer = this.#peer
    if (peer !== undefined && peer.port === port && peer.host === host) return false
    this.#peer = { host, port }
    return true
  }
}
