import type { Clock, Timer } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import { identifyDevice, type IdentifiedDevice } from '#src/devices/identify.ts'
import { standardTimerBases } from '#src/sip/timers.ts'
import { SourceThrottle } from '../source-throttle.ts'
import {
  formatPnpNotify,
  formatPnpOk,
  readNotifyAnswer,
  readPnpSubscribe,
  type PnpPeer,
  type PnpSubscribe,
} from './pnp-message.ts'

/** A phone asks anew every few seconds; more per minute is none. */
const asksPerMinute = 12
/** Addresses are easily forged here. A big site after a power cut has some hundred phones that ask a few times each. */
const asksPerMinuteInAll = 3_000
const minuteMs = 60_000
/** NOTIFYs on their way at once. */
const maxOpen = 100
/** Sent again after T1, 2 T1 and so on: fewer times than RFC 3261 17.1.2 would, because whoever asked may be forged. */
const maxSends = 5

/** What the server decides with and speaks through. */
export interface PnpNeeds {
  /** Whether this device is to be told where we are. */
  wants(device: IdentifiedDevice, from: string): boolean
  /** The provisioning URL as this peer reaches it. */
  urlFor(peer: string): Promise<string>
  /** Sends from our unicast socket. */
  send(bytes: Buffer, to: PnpPeer): void
  /** Address and port of that socket as this peer reaches it. */
  addressToward(peer: string): Promise<PnpPeer>
  clock: Clock
  random: Random
  /** Sparing: strangers can cause what it writes. */
  logger: Logger
}

interface Open {
  branch: string
  bytes: Buffer
  to: PnpPeer
  sends: number
  timer: Timer
}

/** Tells phones that look for a provisioning server by multicast where the box is (SIP PnP). */
export class PnpServer {
  readonly #needs: PnpNeeds
  readonly #throttle: SourceThrottle
  readonly #inAll: SourceThrottle
  /** NOTIFYs that are not answered yet, by the Call-ID and address that asked. */
  readonly #open = new Map<string, Open>()
  #stopped = false

  constructor(needs: PnpNeeds) {
    this.#needs = needs
    const { clock } = needs
    this.#throttle = new SourceThrottle({ clock, limit: asksPerMinute, windowMs: minuteMs })
    this.#inAll = new SourceThrottle({ clock, limit: asksPerMinuteInAll, windowMs: minuteMs })
  }

  /** NOTIFYs on their way. */
  get openCount(): number {
    return this.#open.size
  }

  /** A datagram to the group. */
  async onGroup(bytes: Buffer, from: PnpPeer): Promise<void> {
    const subscribe = readPnpSubscribe(bytes)
    if (!subscribe || !this.#throttle.take(from.host) || !this.#inAll.take('all')) return
    const { vendor, model, version, userAgent, request } = subscribe
    const device = identifyDevice({
      sipUserAgent: userAgent,
      pnp: { vendor, model, version, uri: request.uri },
    })
    // Silence leaves the phone to another server that knows it.
    if (!device || device.conflict || !this.#needs.wants(device, from.host)) return
    const ok = formatPnpOk(subscribe, from, this.#needs.random.token(10))
    if (!ok) return
    this.#needs.send(ok, from)
    const key = `${subscribe.callId} ${from.host}:${from.port}`
    if (this.#open.has(key) || this.#open.size >= maxOpen) return
    try {
      await this.#notify(key, subscribe, from)
    } catch (error) {
      this.#needs.logger.warn(
        { from: from.host, reason: errorText(error) },
        'a phone was not told where the box is',
      )
    }
  }

  /** A datagram to our own socket. */
  onAnswer(bytes: Buffer): void {
    const branch = readNotifyAnswer(bytes)
    if (branch === undefined) return
    for (const [key, open] of this.#open) {
      if (open.branch !== branch) continue
      open.timer.cancel()
      this.#open.delete(key)
    }
  }

  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#open.values()) timer.cancel()
    this.#open.clear()
  }

  async #notify(key: string, subscribe: PnpSubscribe, to: PnpPeer): Promise<void> {
    const [url, from] = await Promise.all([this.#needs.urlFor(to.host), this.#needs.addressToward(to.host)])
    if (this.#stopped || this.#open.has(key)) return
    const branch = `z9hG4bK${this.#needs.random.token(16)}`
    const bytes = formatPnpNotify(subscribe, { url, to, from, branch })
    const { vendor, model } = subscribe
    this.#needs.logger.info({ to: to.host, vendor, model, url }, 'a phone was told where the box is')
    this.#send(key, { branch, bytes, to, sends: 0 })
  }

  #send(key: string, open: Omit<Open, 'timer'>): void {
    this.#needs.send(open.bytes, open.to)
    const sends = open.sends + 1
    const timer = this.#needs.clock.setTimer(standardTimerBases.t1Ms * 2 ** (sends - 1), () => {
      if (sends < maxSends) this.#send(key, { ...open, sends })
      else this.#open.delete(key)
    })
    this.#open.set(key, { ...open, sends, timer })
  }
}
