import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { isLoopback, unmapIpv4, type Endpoint } from '#src/base/net.ts'
import type { SrtpKey } from '#src/rtp/key-derivation.ts'
import {
  createSrtpReceiver,
  createSrtpSender,
  srtcpOverheadBytes,
  srtpOverheadBytes,
  type SrtpReceiver,
  type SrtpSender,
} from '#src/rtp/srtp-context.ts'
import { rtpSsrc } from '#src/rtp/packet.ts'
import { renameRtcpSender, rtcpSsrc } from '#src/rtp/rtcp.ts'
import type { LegMediaSpec, WorkerLegStats } from '../protocol.ts'
import { Latch } from './latch.ts'
import { StreamStats } from './stream-stats.ts'

/** Called for each datagram of a leg. */
export type OnDatagram = (leg: Leg, packet: Buffer, host: string, port: number) => void

/**
 * One side of a session: its sockets, keys, latches and counters.
 *
 * Each leg binds one socket per port. Once the peer is known, a second RTP socket is bound to the same port and
 * connected to the peer: sending on a connected socket is cheaper, and Linux hands it the peer's packets, because the
 * more exact match wins. All others still reach the first socket, where strangers are counted and a peer that moved
 * is found again after a re-offer. A connected first socket would have made us deaf to both.
 */
export class Leg {
  /** Where this side's packets go. */
  other: Leg | undefined
  readonly rtpLatch = new Latch()
  readonly rtcpLatch = new Latch()
  readonly stats = new StreamStats()
  readonly rates = new Int32Array(128)
  /** Payload types of the two descriptions; a plain packet must have one of them to open the latch. */
  readonly known = new Uint8Array(128)
  receiver: SrtpReceiver | undefined
  sender: SrtpSender | undefined
  rtcpMux = false
  receivedPackets = 0
  receivedBytes = 0
  sentPackets = 0
  badTag = 0
  replayed = 0
  foreignSource = 0
  malformed = 0
  /** Anything proven, RTCP too; for the watch over silent sessions. */
  activity = 0
  #receiveKey: SrtpKey | undefined
  #sendKey: SrtpKey | undefined
  #held = false
  #rtp: Socket | undefined
  #rtcp: Socket | undefined
  #connected: Socket | undefined
  #generation = 0
  #onRtp: OnDatagram | undefined
  #address = ''
  #port = 0

  get open(): boolean {
    return this.#rtp !== undefined
  }

  /** RTP port, once bound. */
  get port(): number {
    return this.#port
  }

  /** Binds both ports, or throws what the system says and leaves nothing bound. */
  async bind(address: string, port: number, onRtp: OnDatagram, onRtcp: OnDatagram): Promise<void> {
    // RTCP first and exclusively: it guards the pair against another relay that shares ports as we do below.
    const rtcp = await bound(address, port + 1, false)
    let rtp: Socket
    try {
      rtp = await bound(address, port, true)
    } catch (error) {
      rtcp.close()
      throw error
    }
    listen(rtcp, this, onRtcp)
    listen(rtp, this, onRtp)
    this.#rtp = rtp
    this.#rtcp = rtcp
    this.#onRtp = onRtp
    this.#address = address
    this.#port = port
  }

  /** Takes over a negotiated description. Contexts of keys that stay are kept, with rollover counter and window. */
  update(media: LegMediaSpec, relatch: boolean): void {
    if (!sameKey(media.receiveKey, this.#receiveKey)) {
      this.receiver = media.receiveKey && createSrtpReceiver(media.receiveKey)
      this.#receiveKey = media.receiveKey
    }
    if (!sameKey(media.sendKey, this.#sendKey)) {
      this.sender = media.sendKey && createSrtpSender(media.sendKey)
      this.#sendKey = media.sendKey
    }
    this.rtcpMux = media.rtcpMux
    // Two sides that name each other's ports here would have one packet go round as fast as it can.
    const ours = this.#isOurs(media.remote)
    this.#held = ours || media.remote === undefined
    const remote = ours || this.#isInner(media.remote) ? undefined : media.remote
    const remoteRtcp =
      this.#isOurs(media.remoteRtcp) || this.#isInner(media.remoteRtcp) ? undefined : media.remoteRtcp
    this.rates.fill(0)
    this.known.fill(0)
    for (const [payload, rate] of media.clockRates) {
      this.rates[payload] = rate
      this.known[payload] = 1
    }
    if (relatch || !this.rtpLatch.expects(remote)) this.rtpLatch.open(remote)
    if (relatch || !this.rtcpLatch.expects(remoteRtcp)) this.rtcpLatch.open(remoteRtcp)
    if (this.rtpLatch.peer === undefined) this.#disconnect()
  }

  /** Locks the RTP latch on a proven packet's source and connects a socket to it. */
  latch(host: string, port: number): void {
    // The packet may have waited in its batch while the leg closed: a socket bound now would never be closed.
    if (this.open && this.rtpLatch.prove(host, port)) void this.#connect(host, port)
  }

  /** Makes what this leg sends of a clear packet, the first `length` bytes; undefined when there is nobody to send to. */
  prepareRtp(packet: Buffer, length: number): Buffer | undefined {
    if (this.#held || this.rtpLatch.target === undefined) return undefined
    if (this.sender === undefined) return exact(packet, length)
    const restarts = this.other?.stats.restarts
    if (restarts) packet.writeInt32BE(this.#renamed(rtpSsrc(packet), restarts), 8)
    return this.#protectRtp(this.sender, packet, length)
  }

  /** Sends what `prepareRtp` made. */
  transmit(out: Buffer): void {
    const target = this.rtpLatch.target
    if (target === undefined || this.#rtp === undefined) return
    this.sentPackets++
    if (this.#connected !== undefined) this.#connected.send(out)
    else this.#rtp.send(out, target.port, target.host)
  }

  /** Protects and sends clear RTCP to the RTCP port or, with a=rtcp-mux, to the RTP port (RFC 5761). */
  sendRtcp(packet: Buffer, length: number): void {
    const target = this.rtcpMux ? this.rtpLatch.target : this.rtcpLatch.target
    const socket = this.rtcpMux ? this.#rtp : this.#rtcp
    if (target === undefined || this.#held || socket === undefined) return
    const restarts = this.other?.stats.restarts
    if (restarts && this.sender !== undefined) {
      const ssrc = rtcpSsrc(packet)
      renameRtcpSender(packet, length, ssrc, this.#renamed(ssrc, restarts))
    }
    const out =
      this.sender === undefined ? exact(packet, length) : this.#protectRtcp(this.sender, packet, length)
    if (out !== undefined) socket.send(out, target.port, target.host)
  }

  snapshot(): WorkerLegStats {
    return {
      secure: this.receiver !== undefined,
      receivedPackets: this.receivedPackets,
      receivedBytes: this.receivedBytes,
      sentPackets: this.sentPackets,
      lostPackets: this.stats.lostPackets,
      jitterMs: this.stats.jitterMs,
      badTag: this.badTag,
      replayed: this.replayed,
      foreignSource: this.foreignSource,
      malformed: this.malformed,
      peer: this.rtpLatch.peer,
    }
  }

  /** Frees the sockets; the ports are free once this resolves. */
  async close(): Promise<void> {
    this.#disconnect()
    const sockets = [this.#rtp, this.#rtcp].filter((socket) => socket !== undefined)
    this.#rtp = undefined
    this.#rtcp = undefined
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))))
  }

  /**
   * The SSRC for a stream that began anew with lower numbers. Under its old one each packet would either be as good as
   * replayed, or be encrypted with key stream that has been used (RFC 3711 9.1); odd factor, so no name comes twice.
   */
  #renamed(ssrc: number, restarts: number): number {
    return ssrc ^ Math.imul(restarts, 0x9e3779b1)
  }

  /** True for the ports of this session. */
  #isOurs(remote: Endpoint | undefined): boolean {
    return [this, this.other].some(
      (leg) => leg?.open && leg.#address === remote?.host && leg.#port === (remote.port & ~1),
    )
  }

  /**
   * True for a loopback address told to a leg that is not on the loopback. Sent there, the packets of a caller would
   * reach services of the box that only it may use; a phone that says so by mistake is found by its first packet.
   */
  #isInner(remote: Endpoint | undefined): boolean {
    return remote !== undefined && isLoopback(remote.host) && !isLoopback(this.#address)
  }

  async #connect(host: string, port: number): Promise<void> {
    this.#disconnect()
    const generation = this.#generation
    let socket: Socket | undefined
    try {
      socket = await bound(this.#address, this.#port, true)
      listen(socket, this, this.#onRtp!)
      const connected = once(socket, 'connect')
      socket.connect(port, host)
      await connected
    } catch {
      // No second socket, then: the first one serves, at a higher price.
      socket?.close()
      return
    }
    if (generation !== this.#generation) socket.close()
    else this.#connected = socket
  }

  #disconnect(): void {
    this.#generation++
    this.#connected?.close()
    this.#connected = undefined
  }

  #protectRtp(sender: SrtpSender, packet: Buffer, length: number): Buffer | undefined {
    const out = withRoom(packet, length, srtpOverheadBytes)
    const size = sender.protectRtp(out, length)
    return size < 0 ? undefined : exact(out, size)
  }

  #protectRtcp(sender: SrtpSender, packet: Buffer, length: number): Buffer | undefined {
    const out = withRoom(packet, length, srtcpOverheadBytes)
    const size = sender.protectRtcp(out, length)
    return size < 0 ? undefined : exact(out, size)
  }
}

function exact(packet: Buffer, length: number): Buffer {
  return packet.length === length ? packet : packet.subarray(0, length)
}

/**
 * A received buffer is as long as its datagram. From SRTP to SRTP the old tag leaves room for the new one; otherwise the
 * packet moves into a piece of Node's buffer pool, which costs no more than the view that sending needs anyway.
 */
function withRoom(packet: Buffer, length: number, bytes: number): Buffer {
  if (packet.length >= length + bytes) return packet
  const out = Buffer.allocUnsafe(length + bytes)
  packet.copy(out, 0, 0, length)
  return out
}

async function bound(address: string, port: number, share: boolean): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: share })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address, port, exclusive: true })
    await listening
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

function listen(socket: Socket, leg: Leg, onDatagram: OnDatagram): void {
  // A closed port at the peer comes back as an error on the socket; the session does not end by that.
  socket.on('error', () => undefined)
  socket.on('message', (packet, source) => onDatagram(leg, packet, unmapIpv4(source.address), source.port))
}

function sameKey(a: SrtpKey | undefined, b: SrtpKey | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return (
    a.suite === b.suite &&
    Buffer.compare(a.masterKey, b.masterKey) === 0 &&
    Buffer.compare(a.masterSalt, b.masterSalt) === 0 &&
    Buffer.compare(a.mki ?? new Uint8Array(), b.mki ?? new Uint8Array()) === 0
  )
}
