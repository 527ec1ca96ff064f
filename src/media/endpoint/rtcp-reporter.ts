import type { Socket } from 'node:dgram'
import type { Clock, Timer } from '#src/base/clock.ts'
import type { Endpoint } from '#src/base/net.ts'
import type { Random } from '#src/base/random.ts'
import { rtcpType, writeEmptyReceiverReport, writeSenderReport } from '#src/rtp/rtcp.ts'
import { srtcpOverheadBytes, type SrtpSender } from '#src/rtp/srtp-context.ts'
import type { RtpSender } from './rtp-sender.ts'

/** Where reports go, and protected by what. */
export interface ReportTarget {
  socket: Socket
  to: Endpoint
  srtp: SrtpSender | undefined
}

/** What the reporter asks of its session. */
export interface ReportSource {
  clock: Clock
  random: Random
  rtp: RtpSender
  cname: string
  /** Undefined while nobody is to be told. */
  target(): ReportTarget | undefined
  /** Samples since the session's start, at this moment. */
  samplesNow(): number
}

/** RFC 3550 6.2: five seconds on average; a session of two never needs more. */
const intervalMs = 5000
const maxReportBytes = 512

/** Reports what we send, so that the peer sees a living session; says goodbye at the end. */
export class RtcpReporter {
  readonly #source: ReportSource
  #timer: Timer | undefined
  #reportedPackets = 0

  constructor(source: ReportSource) {
    this.#source = source
  }

  start(): void {
    this.#timer ??= this.#schedule()
  }

  /** Ends, with a BYE when anything was sent (RFC 3550 6.6); `done` is called when it is on its way. */
  stop(done: () => void): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#source.rtp.packets > 0) this.#report(true, done)
    else done()
  }

  #schedule(): Timer {
    // RFC 3550 6.3.1: half to one and a half of the interval, or all sessions of a box would report at once.
    const share = 0.5 + this.#source.random.bytes(2).readUInt16BE(0) / 0x10000
    return this.#source.clock.setTimer(intervalMs * share, () => {
      this.#report(false, () => undefined)
      this.#timer = this.#schedule()
    })
  }

  #report(bye: boolean, done: () => void): void {
    const { rtp, cname, clock } = this.#source
    const target = this.#source.target()
    if (!target) return done()
    const packet = Buffer.alloc(maxReportBytes + srtcpOverheadBytes)
    // RFC 3550 6.4: a sender report only from who has sent since the last one.
    const sending = rtp.packets > this.#reportedPackets
    this.#reportedPackets = rtp.packets
    let length = sending
      ? writeSenderReport(
          packet,
          {
            ssrc: rtp.ssrc,
            nowMs: clock.nowMs(),
            rtpTimestamp: rtp.timestampOf(this.#source.samplesNow()),
            packets: rtp.packets,
            octets: rtp.octets,
          },
          cname,
        )
      : writeEmptyReceiverReport(packet, rtp.ssrc, cname)
    if (bye) {
      packet.writeUInt32BE(0x81000001 + (rtcpType.bye << 16), length)
      packet.writeUInt32BE(rtp.ssrc, length + 4)
      length += 8
    }
    if (target.srtp) length = target.srtp.protectRtcp(packet, length)
    if (length > 0) target.socket.send(packet, 0, length, target.to.port, target.to.host, done)
    else done()
  }
}
