import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

// Below the ports that the system gives to sockets that ask for any (32768 and up on Linux), so that nobody is given
// one between the moment it is found free and the moment the program under test binds it; beside the media ports too.
const first = 10_000
const amount = 9_000
const firstMedia = 24_000
const mediaPorts = 4
const mediaAmount = 1_500

/** A port that is free for TCP and UDP, for programs that cannot be told "any"; nobody is given it again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * amount)
    if ((await reserve(port)) && (await isFreeTcp(port)) && (await isFreeUdp(port))) return port
  }
}

/** An even UDP port whose next three are free as well: where SIPp puts its media and its echo. */
export async function freeMediaPort(): Promise<number> {
  for (;;) {
    const port = firstMedia + mediaPorts * Math.floor(Math.random() * mediaAmount)
    if (!(await reserve(port))) continue
    const free = await Promise.all([0, 1, 2, 3].map((offset) => isFreeUdp(port + offset)))
    if (free.every(Boolean)) return port
  }
}

/**
 * Takes the port out of the lot until this process ends: test files run side by side, and each would find free what
 * another has chosen and not bound yet. An abstract socket (unix(7)) is shared by all who share the ports, leaves no
 * file behind, and ends with its process however that ends.
 */
function reserve(port: number): Promise<boolean> {
  const server = createServer().unref()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(`\0branchline-test-port-${port}`, () => resolve(true))
  })
}

function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
