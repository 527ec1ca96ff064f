import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { secondsToMs, type Clock } from '#src/base/clock.ts'

/** Seconds between the NTP era (1900) and the Unix epoch (RFC 5905 6). */
const ntpToUnixS = 2_208_988_800
const packetBytes = 48
/** RFC 5905 7.3: leap indicator 0, version 4, mode 3 (client). */
const clientMode = 0x23
const serverMode = 4
/** Seconds from one NTP era to the next. */
const eraS = 2 ** 32

/**
 * Asks a time server once (RFC 5905 14, SNTP) and tells by how many ms its clock is ahead of ours; undefined when
 * what came is no usable answer. Rejects with the signal's reason or the socket's error.
 */
export async function askTimeServer(
  server: { host: string; port: number },
  clock: Clock,
  signal: AbortSignal,
): Promise<number | undefined> {
  // Looked up first: a socket that is closed while it waits for a name has nobody to tell.
  const { address, family } = await orAborted(lookup(server.host), signal)
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  // The cookie stands where the time of sending would: it tells an answer from a guess and gives no time away.
  const cookie = randomBytes(8)
  const question = Buffer.alloc(packetBytes)
  question[0] = clientMode
  cookie.copy(question, 40)
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      socket.on('error', reject)
      let sentAtMs = 0
      socket.on('message', (answer) => {
        // RFC 5905 8: an answer carries our own transmit timestamp back as the origin.
        if (answer.length < packetBytes || !answer.subarray(24, 32).equals(cookie)) return
        resolve(aheadMs(answer, sentAtMs, clock.nowMs()))
      })
      socket.once('connect', () => {
        sentAtMs = clock.nowMs()
        socket.send(question)
      })
      socket.connect(server.port, address)
    })
  } finally {
    socket.close()
  }
}

/** The work's result, or the signal's reason when that comes first; the work itself cannot be stopped. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    work.then(resolve, reject)
  })
}

/** RFC 5905 8: offset = ((T2 - T1) + (T3 - T4)) / 2. */
function aheadMs(answer: Buffer, sentAtMs: number, receivedAtMs: number): number | undefined {
  const first = answer.readUInt8(0)
  const stratum = answer.readUInt8(1)
  // Leap indicator 3 = the server's clock is not set; stratum 0 = a refusal ("kiss of death").
  if ((first & 7) !== serverMode || first >> 6 === 3 || stratum === 0 || stratum > 15) return undefined
  const arrivedMs = timestampMs(answer, 32)
  const answeredMs = timestampMs(answer, 40)
  return (arrivedMs - sentAtMs + (answeredMs - receivedAtMs)) / 2
}

function timestampMs(packet: Buffer, offset: number): number {
  const seconds = packet.readUInt32BE(offset)
  const fraction = packet.readUInt32BE(offset + 4) / eraS
  // RFC 4330 3: a first bit of 0 means the era that begins in 2036.
  const sinceUnixS = seconds >= eraS / 2 ? seconds - ntpToUnixS : seconds + eraS - ntpToUnixS
  return secondsToMs(sinceUnixS + fraction)
}
