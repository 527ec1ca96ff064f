import type { Clock, Timer } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Random } from '#src/base/random.ts'
import { classify } from '#src/rtp/demux.ts'
import { rtpPayloadOffset, rtpPayloadType } from '#src/rtp/packet.ts'
import { isRtcpCompound } from '#src/rtp/rtcp.ts'
import { srtpFailure } from '#src/rtp/srtp-context.ts'
import type { LegSide, ToWorker, WorkerResult, WorkerSettings } from '../protocol.ts'
import { Leg } from './leg.ts'
import { PacketBatch } from './packet-batch.ts'
import { PortPool } from './port-pool.ts'

export interface RelayOptions {
  settings: WorkerSettings
  clock: Clock
  random: Random
  onInactive: (sessionId: string) => void
}

interface Session {
  readonly caller: Leg
  readonly callee: Leg
  /** Even ports held by the session: one per leg from the start, so that an answer never fails for want of ports. */
  readonly ports: Map<LegSide, number>
  activity: number
  quietSinceMs: number
}

const bindTries = 16

/** The sessions of one worker. Requests come in one at a time; packets arrive in between. */
export class Relay {
  readonly #options: RelayOptions
  readonly #pool: PortPool
  readonly #sessions = new Map<string, Session>()
  #watch: Timer | undefined

  constructor(options: RelayOptions) {
    this.#options = options
    this.#pool = new PortPool({ ...options.settings, clock: options.clock, random: options.random })
  }

  /** Starts the watch over silent sessions. */
  start(): void {
    const { inactiveAfterMs } = this.#options.settings
    if (inactiveAfterMs > 0) this.#watchSessions(Math.min(Math.ceil(inactiveAfterMs / 4), 10_000))
  }

  async stop(): Promise<void> {
    this.#watch?.cancel()
    await Promise.all([...this.#sessions.keys()].map((sessionId) => this.#close(sessionId)))
  }

  /** Does what is asked; refusals are results, not errors. */
  async handle(request: ToWorker): Promise<WorkerResult> {
    switch (request.kind) {
      case 'openLeg':
        return this.#openLeg(request.sessionId, request.side, request.localAddress)
      case 'setMedia': {
        const session = this.#sessions.get(request.sessionId)
        if (!session) return failed('the session is gone')
        session.caller.update(request.caller, request.relatch)
        session.callee.update(request.callee, request.relatch)
        return { kind: 'done' }
      }
      case 'querySession':
        return { kind: 'stats', stats: this.#snapshot(request.sessionId) }
      case 'closeSession': {
        const stats = this.#snapshot(request.sessionId)
        await this.#close(request.sessionId)
        return { kind: 'stats', stats }
      }
      case 'totals':
        return {
          kind: 'totals',
          sessions: this.#sessions.size,
          portsInUse: this.#pool.taken * 2,
          portsTotal: this.#pool.size * 2,
        }
    }
  }

  async #openLeg(sessionId: string, side: LegSide, address: string): Promise<WorkerResult> {
    const known = this.#sessions.get(sessionId)
    const session = known ?? this.#newSession()
    if (!session) return { kind: 'failed', code: 'MEDIA_PORTS_EXHAUSTED', reason: 'no port pair is free' }
    const result = await this.#bindLeg(session, side, address)
    if (result.kind === 'opened') this.#sessions.set(sessionId, session)
    else if (!known) for (const port of session.ports.values()) this.#pool.release(port)
    return result
  }

  #newSession(): Session | undefined {
    const callerPort = this.#pool.take()
    const calleePort = callerPort === undefined ? undefined : this.#pool.take()
    if (callerPort === undefined || calleePort === undefined) {
      if (callerPort !== undefined) this.#pool.release(callerPort)
      return undefined
    }
    const caller = new Leg()
    const callee = new Leg()
    caller.other = callee
    callee.other = caller
    const ports = new Map<LegSide, number>([
      ['caller', callerPort],
      ['callee', calleePort],
    ])
    return { caller, callee, ports, activity: 0, quietSinceMs: this.#options.clock.monotonicMs() }
  }

  async #bindLeg(session: Session, side: LegSide, address: string): Promise<WorkerResult> {
    const leg = session[side]
    if (leg.open) return { kind: 'opened', port: leg.port, rtcpPort: leg.port + 1 }
    for (let tries = 0; tries < bindTries; tries++) {
      const port = session.ports.get(side) ?? this.#pool.take()
      if (port === undefined) break
      session.ports.set(side, port)
      try {
        await leg.bind(address, port, this.#batch.push, this.#onRtcp)
        return { kind: 'opened', port, rtcpPort: port + 1 }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return failed(errorText(error))
        // Somebody else sits there: it rests at the end of the queue, we go on with the next.
        session.ports.delete(side)
        this.#pool.release(port)
      }
    }
    return { kind: 'failed', code: 'MEDIA_PORTS_EXHAUSTED', reason: 'no port pair can be bound' }
  }

  #snapshot(sessionId: string) {
    const session = this.#sessions.get(sessionId)
    return session && { caller: session.caller.snapshot(), callee: session.callee.snapshot() }
  }

  async #close(sessionId: string): Promise<void> {
    const session = this.#sessions.get(sessionId)
    if (!session) return
    this.#sessions.delete(sessionId)
    await Promise.all([session.caller.close(), session.callee.close()])
    for (const port of session.ports.values()) this.#pool.release(port)
  }

  #watchSessions(everyMs: number): void {
    const { clock, settings, onInactive } = this.#options
    this.#watch = clock.setTimer(everyMs, () => {
      const nowMs = clock.monotonicMs()
      for (const [sessionId, session] of this.#sessions) {
        const activity = session.caller.activity + session.callee.activity
        if (activity !== session.activity) {
          session.activity = activity
          session.quietSinceMs = nowMs
        } else if (nowMs - session.quietSinceMs >= settings.inactiveAfterMs) {
          void this.#close(sessionId).then(() => onInactive(sessionId))
        }
      }
      this.#watchSessions(everyMs)
    })
  }

  // From here on every packet passes: no log line, no object of ours, counters only.

  readonly #onRtp = (
    leg: Leg,
    packet: Buffer,
    host: string,
    port: number,
    arrivalMs: number,
  ): Buffer | undefined => {
    if (!leg.rtpLatch.admits(host, port)) {
      leg.foreignSource++
      return undefined
    }
    const kind = classify(packet, packet.length)
    if (kind !== 'rtp') {
      if (kind !== 'rtcp') leg.malformed++
      // Muxed RTCP (RFC 5761) proves nothing about where RTP comes from, so it needs a locked peer.
      else if (leg.rtpLatch.locked) this.#forwardRtcp(leg, packet)
      else leg.foreignSource++
      return undefined
    }
    let length = packet.length
    if (leg.receiver !== undefined) {
      length = leg.receiver.unprotectRtp(packet, length)
      if (length < 0) {
        countFailure(leg, length)
        return undefined
      }
    } else if (rtpPayloadOffset(packet, length) < 0) {
      leg.malformed++
      return undefined
    } else if (!leg.rtpLatch.locked && leg.known[rtpPayloadType(packet)] === 0) {
      leg.foreignSource++
      return undefined
    }
    leg.latch(host, port)
    leg.activity++
    leg.receivedPackets++
    leg.receivedBytes += packet.length
    leg.stats.count(packet, leg.rates, arrivalMs)
    return leg.other?.prepareRtp(packet, length)
  }

  readonly #batch = new PacketBatch(this.#onRtp)

  readonly #onRtcp = (leg: Leg, packet: Buffer, host: string, port: number): void => {
    // Plain RTCP has no proof of its own: it must come from the host that RTP comes from, or that is signalled.
    const expected = host === leg.rtpLatch.peer?.host || host === leg.rtcpLatch.signalled?.host
    if (!leg.rtcpLatch.admits(host, port) || (leg.receiver === undefined && !expected)) {
      leg.foreignSource++
      return
    }
    if (this.#forwardRtcp(leg, packet)) leg.rtcpLatch.prove(host, port)
  }

  #forwardRtcp(leg: Leg, packet: Buffer): boolean {
    let length = packet.length
    if (leg.receiver !== undefined) {
      length = leg.receiver.unprotectRtcp(packet, length)
      if (length < 0) {
        countFailure(leg, length)
        return false
      }
    }
    if (!isRtcpCompound(packet, length)) {
      leg.malformed++
      return false
    }
    leg.activity++
    leg.other?.sendRtcp(packet, length)
    return true
  }
}

function countFailure(leg: Leg, failure: number): void {
  if (failure === srtpFailure.badTag) leg.badTag++
  else if (failure === srtpFailure.replayed) leg.replayed++
  else leg.malformed++
}

function failed(reason: string): WorkerResult {
  return { kind: 'failed', code: 'MEDIA_FAILED', reason }
}
