import { createSocket } from 'node:dgram'

const group = '224.0.0.251'
const port = 5353
const typeA = 1

/** Asks for a name in .local (RFC 6762) on the wire of our address `from` until somebody answers; gives IPv4. */
export async function askMulticastDns(name: string, from: string, limitMs: number): Promise<string> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(port, resolve)
    })
    socket.addMembership(group, from)
    socket.setMulticastInterface(from)
    const answered = new Promise<string>((resolve) => {
      socket.on('message', (message) => {
        const address = findAddress(message, name)
        if (address !== undefined) resolve(address)
      })
    })
    const endMs = performance.now() + limitMs
    for (;;) {
      socket.send(question(name), port, group)
      const pause = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1000))
      const address = await Promise.race([answered, pause])
      if (address !== undefined) return address
      if (performance.now() > endMs) throw new Error(`nobody answers to ${name} within ${limitMs} ms`)
    }
  } finally {
    socket.close()
  }
}

function question(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  const header = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, typeA, 0, 1])])
}

/** The address in the answer section that belongs to the name (RFC 1035 4.1). */
function findAddress(message: Buffer, name: string): string | undefined {
  const isAnswer = (message.readUInt16BE(2) & 0x8000) !== 0
  if (!isAnswer) return undefined
  let at = 12
  for (let left = message.readUInt16BE(4); left > 0; left--) at = readName(message, at).end + 4
  for (let left = message.readUInt16BE(6); left > 0; left--) {
    const owner = readName(message, at)
    const type = message.readUInt16BE(owner.end)
    const length = message.readUInt16BE(owner.end + 8)
    const data = message.subarray(owner.end + 10, owner.end + 10 + length)
    if (type === typeA && owner.name === name && data.length === 4) return [...data].join('.')
    at = owner.end + 10 + length
  }
  return undefined
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  let end = -1
  for (let hops = 0; hops < 32; hops++) {
    const length = message.readUInt8(at)
    if (length === 0) return { name: labels.join('.'), end: end < 0 ? at + 1 : end }
    if ((length & 0xc0) === 0xc0) {
      if (end < 0) end = at + 2
      at = message.readUInt16BE(at) & 0x3fff
      continue
    }
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  throw new Error('a name in a DNS message leads in circles')
}
