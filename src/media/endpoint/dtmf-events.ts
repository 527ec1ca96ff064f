/** The keys in the order of their event codes (RFC 4733 table 3). */
const keysByCode = '0123456789*#ABCD'

/** One telephone-event payload (RFC 4733 2.3). */
export interface TelephoneEvent {
  /** Event code; 0 to 15 are keys. */
  code: number
  end: boolean
  /** Level in -dBm0, 0 (loud) to 63. */
  volume: number
  /** Length so far, in timestamp units of 1/8000 s. */
  duration: number
}

/** Reads a telephone-event payload; undefined when it is shorter than four bytes. */
export function parseTelephoneEvent(payload: Uint8Array): TelephoneEvent | undefined {
  const [code, flags, high, low] = payload
  if (code === undefined || flags === undefined || high === undefined || low === undefined) return undefined
  return { code, end: (flags & 0x80) !== 0, volume: flags & 0x3f, duration: (high << 8) | low }
}

/** Writes a telephone-event payload. */
export function formatTelephoneEvent({ code, end, volume, duration }: TelephoneEvent): Uint8Array {
  return Uint8Array.of(code, (end ? 0x80 : 0) | (volume & 0x3f), duration >> 8, duration & 0xff)
}

/** Code of a key in any case; undefined when it is not a key. */
export function keyCode(key: string): number | undefined {
  const code = keysByCode.indexOf(key.toUpperCase())
  return key.length === 1 && code >= 0 ? code : undefined
}

/**
 * Turns the packets of telephone events into key presses. All packets of one press share a timestamp, so a
 * press is reported at its first packet that arrives, the end packet included (RFC 4733 2.5.2.1).
 */
export class DtmfReceiver {
  #last: { timestamp: number; event: TelephoneEvent } | undefined

  /** The key, when this packet begins a new press; `timestamp` is the RTP header's. */
  accept(payload: Uint8Array, timestamp: number): string | undefined {
    const event = parseTelephoneEvent(payload)
    if (!event) return undefined
    const last = this.#last
    if (last) {
      const ahead = (timestamp - last.timestamp) | 0
      // Older than the press in hand: a late packet of the press before.
      if (ahead < 0) return undefined
      if (ahead === 0) {
        if (event.code === last.event.code && event.duration >= last.event.duration) last.event = event
        return undefined
      }
      // RFC 4733 2.5.1.3: a key held longer than a duration can say goes on in a new segment.
      const goesOn = !last.event.end && event.code === last.event.code && ahead === last.event.duration
      this.#last = { timestamp, event }
      if (goesOn) return undefined
    } else this.#last = { timestamp, event }
    return keysByCode[event.code]
  }

  /** Forgets the press in hand: the sender began anew (other SSRC), its timestamps say nothing now. */
  reset(): void {
    this.#last = undefined
  }
}

/** What to send in one packet interval while a key is pressed. */
export interface DtmfPacket {
  payload: Uint8Array
  /** The press's timestamp, the same in each of its packets. */
  timestamp: number
  /** True on the first packet of a press (RFC 4733 2.5.1.1). */
  marker: boolean
}

/** How `DtmfSender` times its keys; all counts are packet intervals. */
const pressIntervals = 5
const endPackets = 3
const pauseIntervals = 4
const volume = 10

/** Presses keys one after the other: 100 ms each, the end packet three times, 80 ms of pause. */
export class DtmfSender {
  readonly #samplesPerInterval: number
  #codes: number[] = []
  #interval = 0
  #startTimestamp = 0

  constructor(samplesPerInterval: number) {
    this.#samplesPerInterval = samplesPerInterval
  }

  /** True while a press or the pause after it goes on. */
  get busy(): boolean {
    return this.#codes.length > 0
  }

  /** Adds keys; false, and nothing added, when one of them is not a key. */
  add(keys: string): boolean {
    const codes = [...keys].map(keyCode)
    if (codes.includes(undefined)) return false
    this.#codes.push(...codes.filter((code) => code !== undefined))
    return true
  }

  clear(): void {
    this.#codes = []
    this.#interval = 0
  }

  /** Called once per interval while busy; undefined in the pause between keys. `timestamp` is the interval's. */
  next(timestamp: number): DtmfPacket | undefined {
    const code = this.#codes[0]
    if (code === undefined) return undefined
    const interval = this.#interval++
    if (interval === 0) this.#startTimestamp = timestamp
    const lastEnd = pressIntervals + endPackets - 2
    if (interval > lastEnd) {
      if (interval === lastEnd + pauseIntervals) {
        this.#codes.shift()
        this.#interval = 0
      }
      return undefined
    }
    const length = Math.min(interval + 1, pressIntervals)
    return {
      payload: formatTelephoneEvent({
        code,
        end: length === pressIntervals,
        volume,
        duration: length * this.#samplesPerInterval,
      }),
      timestamp: this.#startTimestamp,
      marker: interval === 0,
    }
  }
}
