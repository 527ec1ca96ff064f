import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One UDP datagram as it was on the wire. */
export interface Datagram {
  sourcePort: number
  destinationPort: number
  payload: Buffer
}

/** A running tcpdump on loopback: a witness that is no part of the box. */
export class Capture {
  readonly #folder = mkdtempSync(join(tmpdir(), 'capture-'))
  #child: ChildProcess | undefined
  #said = ''

  /** Starts capturing UDP datagrams whose ports are in a range. */
  async start(portMin: number, portMax: number): Promise<this> {
    const file = join(this.#folder, 'wire.pcap')
    const child = spawn(
      'tcpdump',
      ['-i', 'lo', '-B', '65536', '-w', file, '-Z', 'root', `udp portrange ${portMin}-${portMax}`],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString()
        if (this.#said.includes('listening on')) resolve()
      })
      child.once('error', reject)
      child.once('close', () => reject(new Error(`tcpdump ended: ${this.#said}`)))
    })
    return this
  }

  /** Packets that the witness itself missed; known after `stop`. */
  get missed(): number {
    return Number(/(\d+) packets? dropped by kernel/.exec(this.#said)?.[1] ?? 0)
  }

  /** Stops and returns what was seen. */
  async stop(): Promise<Datagram[]> {
    const child = this.#child
    if (!child) return []
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
    child.kill('SIGINT')
    await gone
    const datagrams = readPcap(readFileSync(join(this.#folder, 'wire.pcap')))
    rmSync(this.#folder, { recursive: true, force: true })
    return datagrams
  }
}

/** Reads the UDP over IPv4 datagrams of a little-endian pcap file with Ethernet framing. */
function readPcap(bytes: Buffer): Datagram[] {
  const datagrams: Datagram[] = []
  for (let at = 24; at + 16 <= bytes.length;) {
    const length = bytes.readUInt32LE(at + 8)
    const frame = bytes.subarray(at + 16, at + 16 + length)
    at += 16 + length
    if (frame.length < 42 || frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 17) continue
    const ipLength = ((frame[14] as number) & 15) * 4
    const udp = frame.subarray(14 + ipLength)
    datagrams.push({
      sourcePort: udp.readUInt16BE(0),
      destinationPort: udp.readUInt16BE(2),
      payload: udp.subarray(8, udp.readUInt16BE(4)),
    })
  }
  return datagrams
}
