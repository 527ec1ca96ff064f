import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import { createSrtpReceiver, createSrtpSender, type SrtpReceiver } from '#src/rtp/srtp-context.ts'
import { writeRtpHeader } from '#src/rtp/packet.ts'
import { parseCryptoLine } from '#src/sdp/crypto-line.ts'

// One process of the media benchmark's load: `sender` paces packets, `receiver` counts, opens and times them.
// Both end by themselves when the parent goes away, and the sender after the time it was given.

/** From the parent. */
export type LoadRequest =
  | { kind: 'open'; flows: number }
  /** To a sender: where to, for how long. Packets sent in the first `warmMs` are not timed. */
  | { kind: 'send'; targets: number[]; warmMs: number; measureMs: number }
  /** To a receiver: what the relay sends is protected with these keys; empty = plain. `own` keys prime the latch. */
  | { kind: 'receive'; relayPorts: number[]; relayKeys: string[]; ownKeys: string[] }
  | { kind: 'report' }

/** To the parent. */
export type LoadReply =
  | { kind: 'opened'; ports: number[] }
  | { kind: 'receiving' }
  | { kind: 'measuring' }
  | { kind: 'sent'; sent: number; sentMeasured: number }
  | { kind: 'report'; report: LoadReport }

export interface LoadReport {
  received: number
  receivedMeasured: number
  undecryptable: number
  damaged: number
  /** A compressed HdrHistogram of nanoseconds, so that rounds can be added up. */
  histogram: string
}

const payloadBytes = 160
const packetBytes = 12 + payloadBytes
const paceMs = 20
const measuredFlag = 0x5a

let sockets: Socket[] = []
const histogram = build({
  lowestDiscernibleValue: 1,
  highestTrackableValue: 60_000_000_000,
  numberOfSignificantValueDigits: 3,
})
const report: LoadReport = {
  received: 0,
  receivedMeasured: 0,
  undecryptable: 0,
  damaged: 0,
  histogram: '',
}

process.on('message', (request: LoadRequest) => {
  handle(request).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))

async function handle(request: LoadRequest): Promise<void> {
  switch (request.kind) {
    case 'open':
      sockets = await Promise.all(Array.from({ length: request.flows }, openSocket))
      return say({ kind: 'opened', ports: sockets.map((socket) => socket.address().port) })
    case 'receive':
      return receive(request)
    case 'send':
      return send(request)
    case 'report': {
      report.histogram = encodeIntoCompressedBase64(histogram)
      return say({ kind: 'report', report })
    }
  }
}

function receive(request: Extract<LoadRequest, { kind: 'receive' }>): void {
  sockets.forEach((socket, flow) => {
    const relayKey = request.relayKeys[flow]
    const receiver = relayKey === undefined ? undefined : createSrtpReceiver(keyOf(relayKey))
    socket.on('message', (packet) => count(packet, receiver))
    const relayPort = request.relayPorts[flow]
    const ownKey = request.ownKeys[flow]
    // Every real phone sends, too: one packet lets the relay learn, and lock on, where this side is.
    if (relayPort !== undefined) socket.send(primer(ownKey), relayPort, '127.0.0.1')
  })
  say({ kind: 'receiving' })
}

function count(packet: Buffer, receiver: SrtpReceiver | undefined): void {
  // The arrival is stamped before decryption: the receiver's own work is not the relay's.
  const nowNs = process.hrtime.bigint()
  const length = receiver === undefined ? packet.length : receiver.unprotectRtp(packet, packet.length)
  if (length < 0) {
    report.undecryptable++
    return
  }
  if (length !== packetBytes || packet[packetBytes - 1] !== 0xa5) {
    report.damaged++
    return
  }
  report.received++
  if (packet[20] !== measuredFlag) return
  report.receivedMeasured++
  histogram.recordValue(Math.max(1, Number(nowNs - packet.readBigUInt64BE(12))))
}

async function send(request: Extract<LoadRequest, { kind: 'send' }>): Promise<void> {
  await Promise.all(sockets.map((socket, flow) => connect(socket, request.targets[flow] ?? 0)))
  const packets = sockets.map(() => Buffer.alloc(packetBytes, 0xa5))
  const gapMs = paceMs / sockets.length
  const startMs = performance.now()
  const endMs = request.warmMs + request.measureMs
  let next = 0
  let sentMeasured = 0
  let measuring = false
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const elapsedMs = performance.now() - startMs
      if (!measuring && elapsedMs >= request.warmMs) {
        measuring = true
        say({ kind: 'measuring' })
      }
      for (; next * gapMs <= Math.min(elapsedMs, endMs); next++) {
        const flow = next % sockets.length
        const packet = packets[flow]!
        const sequence = Math.floor(next / sockets.length)
        writeRtpHeader(packet, {
          marker: false,
          payloadType: 8,
          sequence,
          timestamp: sequence * 160,
          ssrc: 1000 + flow,
        })
        packet[20] = measuring ? measuredFlag : 0
        if (measuring) sentMeasured++
        packet.writeBigUInt64BE(process.hrtime.bigint(), 12)
        sockets[flow]!.send(packet)
      }
      if (elapsedMs < endMs) setTimeout(tick, 1)
      else resolve()
    }
    tick()
  })
  say({ kind: 'sent', sent: next, sentMeasured })
}

function primer(ownKey: string | undefined): Buffer {
  const packet = Buffer.alloc(packetBytes + 10)
  writeRtpHeader(packet, { marker: false, payloadType: 8, sequence: 1, timestamp: 0, ssrc: 7 })
  return packet.subarray(
    0,
    ownKey === undefined ? packetBytes : createSrtpSender(keyOf(ownKey)).protectRtp(packet, packetBytes),
  )
}

function keyOf(cryptoLine: string) {
  const line = parseCryptoLine(cryptoLine)
  if (!line) throw new Error('not a crypto line')
  return line.key
}

async function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  // The senders hear primers relayed back; a port closed at the end of a run shows as an error.
  socket.on('error', () => undefined)
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

async function connect(socket: Socket, port: number): Promise<void> {
  const connected = once(socket, 'connect')
  socket.connect(port, '127.0.0.1')
  await connected
}

function say(reply: LoadReply): void {
  process.send?.(reply)
}
