import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'
import { encodeFrame } from '#src/engine/wire/frame.ts'
import type { Dice } from './dice.ts'

/** One way into the engine. Whatever comes back is read and counted, whatever breaks is opened again. */
export interface Wire {
  readonly name: string
  send(bytes: Buffer): void
  close(): void
}

const host = '127.0.0.1'

/** Some sockets that send datagrams, as they are and sometimes two in one. */
export async function openUdp(port: number, dice: Dice): Promise<Wire> {
  const sockets: UdpSocket[] = []
  for (let count = 0; count < 4; count++) {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, host, resolve))
    socket.on('error', () => undefined)
    sockets.push(socket)
  }
  return {
    name: 'udp',
    send(bytes) {
      const twice = dice.chance(0.02) ? Buffer.concat([bytes, bytes]).subarray(0, 60_000) : bytes
      dice.pick(sockets).send(twice, port, host, () => undefined)
    },
    close: () => sockets.forEach((socket) => socket.close()),
  }
}

/** Makes a stream socket; called again for each connection. */
type Dial = () => Socket

interface Open {
  socket: Socket
  /** What is still to be written, piece by piece. */
  pieces: Buffer[]
}

/**
 * Streams: messages whole, glued, in pieces with a pause between them, in halves that never end, with bytes between
 * them that belong to nobody. The pieces of all connections are written in turn, so they interleave.
 */
export function openStream(name: string, dial: Dial, dice: Dice, connections = 6): Wire {
  const open: (Open | undefined)[] = Array.from({ length: connections }, () => undefined)
  const at = (index: number): Open => {
    const existing = open[index]
    if (existing && !existing.socket.destroyed && existing.socket.writable) return existing
    const socket = dial()
    const fresh: Open = { socket, pieces: [] }
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    socket.on('close', () => {
      if (open[index] === fresh) open[index] = undefined
    })
    open[index] = fresh
    return fresh
  }
  const pump = setInterval(() => {
    for (const one of open) {
      const piece = one?.pieces.shift()
      if (one && piece && one.socket.writable) one.socket.write(piece)
    }
  }, 2)
  return {
    name,
    send(bytes) {
      const one = at(dice.below(connections))
      // A receiver that does not read us: nothing more is heaped up.
      if (one.pieces.length > 200) return
      switch (dice.below(6)) {
        case 0:
          one.pieces.push(Buffer.concat([bytes, bytes]))
          return
        case 1: {
          let from = 0
          while (from < bytes.length && one.pieces.length < 200) {
            const size = 1 + dice.below(dice.pick([3, 50, 1000]))
            one.pieces.push(bytes.subarray(from, from + size))
            from += size
          }
          return
        }
        case 2:
          one.pieces.push(bytes.subarray(0, dice.below(bytes.length + 1)))
          if (dice.chance(0.5)) setTimeout(() => one.socket.destroy(), 20)
          return
        case 3:
          one.pieces.push(
            Buffer.from(dice.pick(['\r\n', '\r\n\r\n', '\n', '\r', '\0', '\r\n\r\n\r\n']), 'latin1'),
            bytes,
          )
          return
        default:
          one.pieces.push(bytes)
      }
    },
    close() {
      clearInterval(pump)
      for (const one of open) one?.socket.destroy()
    },
  }
}

/** TCP as it is. */
export function tcpDial(port: number): Dial {
  return () => connectTcp(port, host)
}

/** TLS that asks no questions: the certificate was made for this run. */
export function tlsDial(port: number): Dial {
  return () => connectTls({ port, host, rejectUnauthorized: false, servername: 'localhost' })
}

/** WebSocket: frames of messages, and sometimes bytes that are no frame. */
export function openWebSocket(name: 'ws' | 'wss', port: number, dice: Dice): Wire {
  const open: (WebSocket | undefined)[] = Array.from({ length: 3 }, () => undefined)
  const at = (index: number): WebSocket => {
    const existing = open[index]
    if (existing && existing.readyState <= WebSocket.OPEN) return existing
    const protocols = dice.chance(0.9) ? ['sip'] : dice.pick([[], ['msrp'], ['sip', 'msrp']])
    const fresh = new WebSocket(`${name}://${host}:${port}/${dice.pick(['', 'ws', 'a/../b'])}`, protocols, {
      rejectUnauthorized: false,
    })
    fresh.on('error', () => undefined)
    fresh.on('message', () => undefined)
    open[index] = fresh
    return fresh
  }
  return {
    name,
    send(bytes) {
      const socket = at(dice.below(open.length))
      if (socket.readyState !== WebSocket.OPEN) return
      const raw = (socket as unknown as { _socket?: Socket })._socket
      const ignore = (): void => undefined
      if (dice.chance(0.03)) raw?.write(bytes.subarray(0, 200))
      else if (dice.chance(0.02)) socket.close(dice.pick([1000, 1001, 3000]))
      else if (dice.chance(0.1)) {
        const half = dice.below(bytes.length + 1)
        socket.send(bytes.subarray(0, half), { fin: false, binary: true }, ignore)
        socket.send(bytes.subarray(half), { fin: true, binary: true }, ignore)
      } else if (dice.chance(0.05)) socket.ping(bytes.subarray(0, 120), true, ignore)
      else socket.send(bytes, { binary: dice.chance(0.5) }, ignore)
    },
    close() {
      for (const socket of open) socket?.terminate()
    },
  }
}

/** drachtio's door: an application that knows the secret and then talks nonsense; now and then one that does not. */
export function openDoor(port: number, dice: Dice): Wire {
  const wire = openStream(
    'door',
    () => {
      const socket = connectTcp(port, host)
      socket.write(encodeFrame(`hello|authenticate|${dice.chance(0.9) ? 'fuzz' : 'guess'}|`))
      return socket
    },
    dice,
    3,
  )
  return {
    ...wire,
    send(bytes) {
      const frame = dice.chance(0.8)
        ? encodeFrame(bytes.toString('utf8'))
        : `${dice.pick(['', '-1', '99999999', '5', 'x', String(bytes.length)])}#${bytes.toString('latin1')}`
      wire.send(Buffer.from(frame))
    },
  }
}
