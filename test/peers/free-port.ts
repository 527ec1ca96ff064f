import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

// Below the ports that the system gives to sockets that ask for any (32768 and up on Linux), so that nobody is given
// one between the moment it is found free and the moment the program under test binds it; below the media ports too.
const first = 10_000
const amount = 9_000
const given = new Set<number>()

/** A port that is free for TCP and UDP, for programs that cannot be told "any"; never the same twice per process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * amount)
    if (given.has(port)) continue
    if (!(await isFreeTcp(port)) || !(await isFreeUdp(port))) continue
    given.add(port)
    return port
  }
}

function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
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
