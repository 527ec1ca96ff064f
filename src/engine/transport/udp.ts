import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import { answerStun, isStun } from '#src/sip/stun.ts'
import type { ListenOptions } from '../options.ts'
import { localHostToward, type BoundListener } from './advertised.ts'
import { literalLookup4, literalLookup6 } from './local-address.ts'
import type { TransportContext, TransportFlow } from './transport-context.ts'
import { UdpPeerSocket } from './udp-peer-socket.ts'

const maxFlows = 20_000
const maxPeerSockets = 256
/** Peers that are found again without their address being made a text: a power of two. */
const flowSlots = 4096
/** Longer than any transaction, RFC 3261 64*T1 twice. */
const peerSocketIdleMs = 64_000
const receiveBufferBytes = 4 * 1024 * 1024
const noNames: readonly string[] = []
// Whoever asks again gets another answer; the peer's ICMP is no business of ours.
const ignoreError = (): void => undefined

/** The pair of our UDP socket and one peer's address. It holds nothing open and is never closed by itself. */
class UdpFlow implements TransportFlow {
  readonly id: number
  readonly protocol = 'udp' as const
  readonly remoteHost: string
  readonly remotePort: number
  readonly peerNames = noNames
  peerSocket: UdpPeerSocket | undefined
  requestSentAtMs = 0
  readonly #listener: UdpListener

  constructor(id: number, listener: UdpListener, remoteHost: string, remotePort: number) {
    this.id = id
    this.#listener = listener
    this.remoteHost = remoteHost
    this.remotePort = remotePort
  }

  get localHost(): string {
    return this.#listener.localHostToward(this.remoteHost)
  }

  get localPort(): number {
    return this.#listener.port
  }

  get advertisedHost(): string {
    return this.#listener.options.advertisedHost ?? this.localHost
  }

  get advertisedPort(): number {
    return this.#listener.port
  }

  get closed(): boolean {
    return this.#listener.closed
  }

  write(bytes: Buffer, isRequest: boolean, onError: (error: Error) => void): void {
    this.#listener.write(this, bytes, isRequest, onError)
  }
}

/** One bound UDP port. */
export class UdpListener implements BoundListener {
  readonly options: ListenOptions
  readonly #context: TransportContext
  readonly #type: 'udp4' | 'udp6'
  /** By `host:port` of the peer, oldest first. */
  readonly #flows = new Map<string, UdpFlow>()
  /** In front of the map; whatever shares a slot drives out what was there. */
  readonly #slots = Array.from({ length: flowSlots }, (): UdpFlow | undefined => undefined)
  /** Flows that have a connected socket, the longest unused first. */
  readonly #watched = new Set<UdpFlow>()
  #socket: dgram.Socket | undefined
  #port = 0

  constructor(options: ListenOptions, context: TransportContext) {
    this.options = options
    this.#context = context
    this.#type = isIPv6(options.host) ? 'udp6' : 'udp4'
  }

  get port(): number {
    return this.#port
  }

  get closed(): boolean {
    return this.#socket === undefined
  }

  get ipv6(): boolean {
    return this.#type === 'udp6'
  }

  /** Binds; rejects with the system's error. */
  async start(): Promise<void> {
    // The listener shares its port with its own connected sockets, and so could share it with a stranger of
    // the same user unnoticed. A first, exclusive bind finds out whether the port is taken, and which it is.
    const probe = await this.#bind(this.options.port, false)
    const port = probe.address().port
    await new Promise<void>((resolve) => probe.close(resolve))
    const socket = await this.#bind(port, true)
    socket.on('message', (bytes, source) => this.#onMessage(bytes, source))
    socket.on('error', (error) => {
      this.#context.counters.sendFailures++
      this.#context.logger.debug({ err: error }, 'UDP socket error')
    })
    try {
      // A burst of registrations after a power cut has to wait somewhere while we work.
      socket.setRecvBufferSize(receiveBufferBytes)
    } catch (error) {
      this.#context.logger.debug({ err: error }, 'UDP receive buffer stays as it is')
    }
    this.#socket = socket
    this.#port = port
  }

  #bind(port: number, reusePort: boolean): Promise<dgram.Socket> {
    return new Promise((resolve, reject) => {
      const socket = dgram.createSocket({
        type: this.#type,
        reusePort,
        ipv6Only: this.#type === 'udp6',
        lookup: this.#type === 'udp6' ? literalLookup6 : literalLookup4,
      })
      socket.once('error', (error) => {
        socket.close()
        reject(error)
      })
      socket.once('listening', () => {
        socket.removeAllListeners('error')
        resolve(socket)
      })
      socket.bind({ address: this.options.host, port, exclusive: true })
    })
  }

  async stop(): Promise<void> {
    for (const flow of this.#watched) flow.peerSocket?.close()
    this.#watched.clear()
    this.#flows.clear()
    this.#slots.fill(undefined)
    const socket = this.#socket
    this.#socket = undefined
    if (socket) await new Promise<void>((resolve) => socket.close(resolve))
  }

  localHostToward(remoteHost: string): string {
    return localHostToward(this.options.host, remoteHost, this.#context.localAddresses)
  }

  /** The flow to this peer, if it spoke or was spoken to lately. */
  findFlow(host: string, port: number): TransportFlow | undefined {
    return this.#flows.get(`${host}:${port}`)
  }

  /** The flow to this peer, made when there is none. */
  flowTo(host: string, port: number): TransportFlow {
    return this.#flowTo(host, port)
  }

  #flowOf({ address, port }: dgram.RemoteInfo): UdpFlow {
    const slot = slotOf(address, port)
    const known = this.#slots[slot]
    if (known?.remotePort === port && known.remoteHost === address) return known
    const flow = this.#flowTo(address, port)
    this.#slots[slot] = flow
    return flow
  }

  #flowTo(host: string, port: number): UdpFlow {
    // Without the brackets of IPv6: what follows the last colon is the port, so no two peers share a key.
    const key = `${host}:${port}`
    let flow = this.#flows.get(key)
    if (flow) return flow
    if (this.#flows.size >= maxFlows) this.#forgetOldest()
    flow = new UdpFlow(this.#context.newFlowId(), this, host, port)
    this.#flows.set(key, flow)
    return flow
  }

  // Flows cost only memory; whoever still holds a forgotten one can go on using it.
  #forgetOldest(): void {
    let count = maxFlows / 4
    for (const [key, flow] of this.#flows) {
      if (count-- <= 0) break
      if (flow.peerSocket) continue
      this.#flows.delete(key)
      const slot = slotOf(flow.remoteHost, flow.remotePort)
      if (this.#slots[slot] === flow) this.#slots[slot] = undefined
    }
  }

  #onMessage(bytes: Buffer, source: dgram.RemoteInfo): void {
    const { doorkeeper } = this.#context
    if (doorkeeper !== undefined && !doorkeeper.admits(source.address, bytes)) return
    // SIP begins with a letter, STUN with two zero bits (RFC 8489 5, RFC 5626 8).
    if ((bytes[0] as number) < 0x40 || bytes.length === 0) {
      if (this.#onKeepAlive(bytes, source)) return
    }
    const flow = this.#flowOf(source)
    flow.peerSocket?.heard()
    this.#context.receive(bytes, flow)
  }

  #onKeepAlive(bytes: Buffer, source: dgram.RemoteInfo): boolean {
    const { counters } = this.#context
    if (isKeepAlive(bytes)) {
      counters.keepAlives++
      return true
    }
    if (!isStun(bytes)) return false
    counters.stunRequests++
    const answer = answerStun(bytes, source.address, source.port)
    if (answer) this.#socket?.send(answer, source.port, source.address, ignoreError)
    return true
  }

  write(flow: UdpFlow, bytes: Buffer, isRequest: boolean, onError: (error: Error) => void): void {
    const { counters } = this.#context
    if (isRequest) this.#watch(flow)
    if (flow.peerSocket) {
      flow.peerSocket.send(bytes, onError)
      return
    }
    const socket = this.#socket
    if (!socket) {
      setImmediate(() => onError(new Error('the UDP listener is closed')))
      return
    }
    socket.send(bytes, flow.remotePort, flow.remoteHost, (error) => {
      if (!error) return
      counters.sendFailures++
      onError(error)
    })
  }

  // Gives a peer that we send requests to a connected socket, within bounds; without one it works all the same,
  // only refusals stay unknown.
  #watch(flow: UdpFlow): void {
    flow.requestSentAtMs = this.#context.clock.monotonicMs()
    if (flow.peerSocket) {
      this.#watched.delete(flow)
      this.#watched.add(flow)
      return
    }
    // None is taken from a peer in use: closing a socket loses the datagrams it has not read yet.
    if (this.closed || this.#watched.size >= maxPeerSockets) return
    try {
      flow.peerSocket = new UdpPeerSocket(
        {
          type: this.#type,
          localHost: this.options.host,
          localPort: this.#port,
          remoteHost: flow.remoteHost,
          remotePort: flow.remotePort,
        },
        {
          message: (bytes, source) => this.#onMessage(bytes, source),
          refused: () => this.#context.counters.udpRefused++,
        },
      )
      this.#watched.add(flow)
    } catch (error) {
      this.#context.logger.debug({ err: error, peer: flow.remoteHost }, 'no connected UDP socket')
    }
  }

  #unwatch(flow: UdpFlow): void {
    flow.peerSocket?.close()
    flow.peerSocket = undefined
    this.#watched.delete(flow)
  }

  /** Closes the connected sockets that no transaction can need any more. */
  sweep(nowMs: number): void {
    for (const flow of this.#watched) {
      if (nowMs - flow.requestSentAtMs < peerSocketIdleMs) break
      this.#unwatch(flow)
    }
  }
}

// The phones of an office differ in the end of their addresses, those behind one NAT in their ports.
function slotOf(host: string, port: number): number {
  const last = host.length - 1
  const mixed = (host.charCodeAt(last) * 31 + host.charCodeAt(last - 1)) * 31 + host.charCodeAt(last - 2)
  return (mixed ^ port) & (flowSlots - 1)
}

// Blank datagrams, and the few zero bytes that some phones send, only keep a NAT open (RFC 5626 3.5).
function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 8) return false
  for (const byte of bytes) if (byte !== 0x0d && byte !== 0x0a && byte !== 0 && byte !== 0x20) return false
  return true
}
