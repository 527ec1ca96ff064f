import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import type { Clock } from '#src/base/clock.ts'
import type { Finding } from './check.ts'

const lookEveryMs = 100
const looks = 15
/** Linux if_arp.h ATF_COM: the neighbour has answered with its hardware address. */
const answeredFlag = 0x2
// The discard port: the packet is only there to make the kernel ask for the neighbour.
const anyPort = 9

/** Finds out whether the default gateway answers on the wire, by the kernel's neighbour table (no ping without root). */
export async function checkGateway(options: {
  gateways: readonly string[]
  neighbours: string
  clock: Clock
  signal: AbortSignal
}): Promise<Finding> {
  const gateway = options.gateways.find((address) => isIPv4(address))
  if (gateway === undefined) {
    return {
      state: 'failed',
      text: 'There is no gateway: the box reaches its own network only.',
      advice: 'That is enough for the lab and for calls inside the office; Teams needs a gateway.',
    }
  }
  await poke(gateway)
  for (let look = 0; look < looks; look++) {
    const entry = await neighbour(options.neighbours, gateway)
    if (entry === 'unreadable') break
    if (entry === 'answered') return { state: 'ok', text: `The gateway ${gateway} answers.` }
    await options.clock.sleep(lookEveryMs, options.signal)
  }
  if ((await neighbour(options.neighbours, gateway)) === 'silent') {
    return {
      state: 'failed',
      text: `The gateway ${gateway} does not answer.`,
      advice: 'Check the cable, the address of the gateway, and whether the router is on.',
    }
  }
  return { state: 'unknown', text: `Whether the gateway ${gateway} answers cannot be seen from here.` }
}

/** Sends one packet toward the gateway; whether it can be sent at all is seen in the table. */
async function poke(gateway: string): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => {
    socket.once('error', () => resolve())
    socket.send(Buffer.alloc(1), anyPort, gateway, () => resolve())
  })
  socket.close()
}

/** Looks an address up in the neighbour table, whose columns are address, type, flags, hardware address, mask, device. */
async function neighbour(
  file: string,
  address: string,
): Promise<'answered' | 'silent' | 'absent' | 'unreadable'> {
  let table
  try {
    table = await readFile(file, 'utf8')
  } catch {
    return 'unreadable'
  }
  const row = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([first]) => first === address)
  if (!row) return 'absent'
  return (Number(row[2]) & answeredFlag) !== 0 ? 'answered' : 'silent'
}
