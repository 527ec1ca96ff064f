import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { writeRtpHeader } from '#src/rtp/packet.ts'
import { writeEmptyReceiverReport } from '#src/rtp/rtcp.ts'
import {
  createSrtpReceiver,
  createSrtpSender,
  type SrtpReceiver,
  type SrtpSender,
} from '#src/rtp/srtp-context.ts'
import type { SrtpKey } from '#src/rtp/key-derivation.ts'
import { systemRandom } from '#src/base/random.ts'
import { keyFromBytes, formatCryptoLine } from '#src/sdp/crypto-line.ts'
import { findAudio, type AudioStream } from '#src/sdp/offer-answer.ts'
import { parseSdp } from '#src/sdp/parse.ts'

/** The part of a test that owns what it opens. */
export interface Teardown {
  teardown(release: () => unknown): void
}

export interface PeerOptions {
  secure?: boolean
  /** Address written into the SDP instead of the true one: a phone behind NAT. */
  signalled?: string
  /** Further lines of the audio stream. */
  lines?: string[]
  /** fmt list with its rtpmap lines being part of `lines`. */
  formats?: string
  mux?: boolean
}

/** One phone or server of a test: real sockets, its own SDP and keys. */
export class MediaPeer {
  readonly options: PeerOptions
  readonly key: SrtpKey = keyFromBytes('AES_CM_128_HMAC_SHA1_80', new Uint8Array(systemRandom.bytes(30)))
  /** Every RTP datagram as it came. */
  readonly raw: Buffer[] = []
  /** RTP packets in the clear; those that did not open are not among them. */
  readonly rtp: Buffer[] = []
  readonly rtcp: Buffer[] = []
  /** Where RTP came from last. */
  lastSource = 0
  remote: AudioStream | undefined
  /** Set with the tag of the crypto line chosen, when this peer answers. */
  tag = 1
  ssrc = systemRandom.bytes(4).readInt32BE(0)
  sequence = 100
  #version = 1
  #sender: SrtpSender
  #receiver: SrtpReceiver | undefined
  #receiveKey = ''
  #rtpSocket: Socket
  #rtcpSocket: Socket
  #waiters: (() => void)[] = []

  private constructor(options: PeerOptions, rtp: Socket, rtcp: Socket) {
    this.options = options
    this.#rtpSocket = rtp
    this.#rtcpSocket = rtcp
    this.#sender = createSrtpSender(this.key)
    rtp.on('message', (packet, source) => {
      this.lastSource = source.port
      if (packet.length > 1 && packet[1]! >= 192 && packet[1]! <= 223) this.#onRtcp(packet)
      else this.#onRtp(packet)
    })
    rtcp.on('message', (packet) => this.#onRtcp(packet))
  }

  static async open(t: Teardown, options: PeerOptions = {}): Promise<MediaPeer> {
    const sockets = await Promise.all([bindSocket(), bindSocket()])
    const peer = new MediaPeer(options, ...sockets)
    t.teardown(() => peer.close())
    return peer
  }

  get port(): number {
    return this.#rtpSocket.address().port
  }

  /** Prints a description; each call raises its version as phones do. */
  sdp(change: Partial<PeerOptions> & { direction?: string; address?: string } = {}): string {
    const options = { ...this.options, ...change }
    const address = change.address ?? options.signalled ?? '127.0.0.1'
    const lines = [
      'v=0',
      `o=peer 7 ${this.#version++} IN IP4 ${address}`,
      's=call',
      `c=IN IP4 ${address}`,
      't=0 0',
      `m=audio ${this.port} ${options.secure ? 'RTP/SAVP' : 'RTP/AVP'} ${options.formats ?? '8 101'}`,
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      `a=rtcp:${this.#rtcpSocket.address().port}`,
      'a=ptime:20',
      ...(options.mux ? ['a=rtcp-mux'] : []),
      ...(change.direction ? [`a=${change.direction}`] : []),
      ...(options.secure ? [`a=crypto:${formatCryptoLine(this.tag, this.key)}|2^31`] : []),
      ...(options.lines ?? []),
    ]
    return lines.join('\r\n') + '\r\n'
  }

  /** Takes the description that the relay made for this peer. */
  accept(sdp: string): AudioStream {
    const audio = findAudio(parseSdp(sdp))
    this.remote = audio
    const key = audio.crypto?.key
    const text = key ? formatCryptoLine(1, key) : ''
    if (text !== this.#receiveKey) {
      this.#receiver = key && createSrtpReceiver(key)
      this.#receiveKey = text
    }
    if (audio.crypto) this.tag = audio.crypto.tag
    return audio
  }

  /** Builds the next RTP packet, protected when this peer is secure. */
  packet(change: { sequence?: number; payloadType?: number; text?: string; key?: SrtpKey } = {}): Buffer {
    const sequence = change.sequence ?? this.sequence++ & 0xffff
    const buffer = Buffer.alloc(12 + 160 + 14)
    writeRtpHeader(buffer, {
      marker: false,
      payloadType: change.payloadType ?? 8,
      sequence,
      timestamp: sequence * 160,
      ssrc: this.ssrc,
    })
    buffer.write(change.text ?? `packet ${sequence} of ${this.ssrc}`, 12)
    const sender = change.key ? createSrtpSender(change.key) : this.#sender
    return buffer.subarray(0, this.options.secure ? sender.protectRtp(buffer, 172) : 172)
  }

  /** Sends to where the last description said, or from another socket. */
  send(packet: Buffer, from: MediaPeer = this): void {
    from.#rtpSocket.send(packet, this.remote?.remote?.port ?? 0, this.remote?.remote?.host ?? '127.0.0.1')
  }

  /** Sends an empty receiver report. */
  sendRtcp(): void {
    const buffer = Buffer.alloc(100)
    let length = writeEmptyReceiverReport(buffer, this.ssrc, 'peer')
    if (this.options.secure) length = this.#sender.protectRtcp(buffer, length)
    const target = this.remote?.remoteRtcp
    const mux = this.remote?.media.rtcpMux && this.options.mux
    if (mux) this.#rtpSocket.send(buffer.subarray(0, length), this.remote?.remote?.port ?? 0, '127.0.0.1')
    else this.#rtcpSocket.send(buffer.subarray(0, length), target?.port ?? 0, '127.0.0.1')
  }

  /** Resolves when so many RTP (and RTCP) packets have come in all. */
  async heard(rtp: number, rtcp = 0): Promise<void> {
    while (this.rtp.length < rtp || this.rtcp.length < rtcp) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#rtpSocket, this.#rtcpSocket].map(
        (socket) => new Promise<void>((resolve) => socket.close(() => resolve())),
      ),
    )
  }

  #onRtp(packet: Buffer): void {
    this.raw.push(Buffer.from(packet))
    const length = this.#receiver ? this.#receiver.unprotectRtp(packet, packet.length) : packet.length
    if (length > 0) this.rtp.push(packet.subarray(0, length))
    this.#wake()
  }

  #onRtcp(packet: Buffer): void {
    const length = this.#receiver ? this.#receiver.unprotectRtcp(packet, packet.length) : packet.length
    if (length > 0) this.rtcp.push(packet.subarray(0, length))
    this.#wake()
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter()
  }
}

async function bindSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  const listening = once(socket, 'listening')
  socket.bind(0, '127.0.0.1')
  await listening
  return socket
}

/** Asks again until the answer is true; the test's own timeout ends it. */
export async function until(ask: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await ask())) await new Promise((resolve) => setTimeout(resolve, 5))
}
