import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** A TCP port that was free a moment ago, for foreign programs that cannot be told "any". */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** An even UDP port whose next three are free as well: where SIPp puts its media and its echo. */
export async function freeMediaPort(): Promise<number> {
  for (;;) {
    const port = 30_000 + 4 * Math.floor(Math.random() * 7500)
    const free = await Promise.all([0, 1, 2, 3].map((offset) => isFreeUdp(port + offset)))
    if (free.every(Boolean)) return port
  }
}

function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
