import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'
import { systemRandom } from '#src/base/random.ts'
import {
  createTransportLayer,
  type CountingTransportLayer,
  type TransportOptions,
} from '#src/engine/transport/transport-layer.ts'
import type { Flow, TransportProtocol, TransportUser } from '#src/engine/transport/transport-port.ts'
import type { EngineLimits, ListenOptions } from '#src/engine/options.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

/** Values that arrive over time: what is waited for and what came in the meantime. */
export class Arrivals<Value> {
  readonly all: Value[] = []
  #read = 0
  #wake: (() => void) | undefined

  push(value: Value): void {
    this.all.push(value)
    this.#wake?.()
  }

  /** The next value that was not handed out yet. */
  async next(): Promise<Value> {
    while (this.#read >= this.all.length) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.all[this.#read++] as Value
  }
}

export interface Started {
  layer: CountingTransportLayer
  clock: FakeClock
  logger: MemoryLogger
  requests: Arrivals<{ request: SipRequest; flow: Flow; bytes: number }>
  responses: Arrivals<{ response: SipResponse; flow: Flow }>
  closed: Arrivals<Flow>
  /** The bound port of the first listener of this protocol. */
  port: (protocol: TransportProtocol) => number
}

export const testLimits: EngineLimits = {
  maxMessageBytes: 8000,
  maxHeaderBytes: 4000,
  maxConnections: 20,
  maxConnectionsPerSource: 10,
  halfMessageTimeoutMs: 5000,
  idleTimeoutMs: 600_000,
}

/** A listener on loopback, on a free port. */
export function listenOn(protocol: TransportProtocol, more: Partial<ListenOptions> = {}): ListenOptions {
  return { protocol, host: '127.0.0.1', port: 0, ...more }
}

/** Starts a transport layer that lives as long as the test. */
export async function startTransport(
  t: Test,
  options: Partial<Omit<TransportOptions, 'limits'>> & { limits?: Partial<EngineLimits> } = {},
  user: Partial<TransportUser> = {},
): Promise<Started> {
  // Certificates of the tests are valid around the real time.
  const clock = new FakeClock(Date.now())
  const logger = new MemoryLogger()
  const layer = createTransportLayer({
    listen: [listenOn('udp'), listenOn('tcp')],
    outboundTls: [],
    clock,
    random: systemRandom,
    logger,
    ...options,
    limits: { ...testLimits, ...options.limits },
  })
  const requests: Started['requests'] = new Arrivals()
  const responses: Started['responses'] = new Arrivals()
  const closed: Started['closed'] = new Arrivals()
  await layer.start({
    onRequest: (request, flow, bytes) => requests.push({ request, flow, bytes }),
    onResponse: (response, flow) => responses.push({ response, flow }),
    onFlowClosed: (flow) => closed.push(flow),
    ...user,
  })
  t.teardown(() => layer.stop())
  const port = (protocol: TransportProtocol): number =>
    layer.listeners.find((listener) => listener.protocol === protocol)?.port ?? 0
  return { layer, clock, logger, requests, responses, closed, port }
}

let branch = 0

/** A request as an application would send it. */
export function makeRequest(
  more: { method?: string; via?: string; body?: string; headers?: string[] } = {},
): SipRequest {
  const method = more.method ?? 'OPTIONS'
  return {
    kind: 'request',
    method,
    uri: 'sip:box.local',
    headers: new SipHeaders([
      'Via',
      more.via ?? `SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK${++branch}`,
      'From',
      '<sip:a@box.local>;tag=1',
      'To',
      '<sip:b@box.local>',
      'Call-ID',
      `call-${branch}`,
      'CSeq',
      `1 ${method}`,
      ...(more.headers ?? []),
    ]),
    body: Buffer.from(more.body ?? ''),
  }
}

/** An answer to a request. */
export function makeResponse(request: SipRequest, status = 200): SipResponse {
  const headers = new SipHeaders()
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq'])
    headers.append(name, request.headers.get(name) ?? '')
  return { kind: 'response', status, reason: 'Answer', headers, body: Buffer.alloc(0) }
}

/** A plain UDP socket that plays a phone. */
export async function openUdp(
  t: Test,
  host = '127.0.0.1',
): Promise<{
  port: number
  send: (text: string | Buffer, port: number) => void
  datagrams: Arrivals<{ text: string; port: number }>
  close: () => Promise<void>
}> {
  const socket = dgram.createSocket('udp4')
  const datagrams = new Arrivals<{ text: string; port: number }>()
  socket.on('message', (bytes, source) => datagrams.push({ text: bytes.toString(), port: source.port }))
  socket.bind(0, host)
  await once(socket, 'listening')
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    await new Promise<void>((resolve) => socket.close(resolve))
  }
  t.teardown(close)
  return {
    port: socket.address().port,
    send: (text, port) => socket.send(text, port, '127.0.0.1'),
    datagrams,
    close,
  }
}

/** A plain TCP connection that plays a phone. */
export async function openTcp(
  t: Test,
  port: number,
  localAddress = '127.0.0.1',
): Promise<{
  socket: net.Socket
  received: () => string
  until: (pattern: RegExp) => Promise<string>
  closed: Promise<void>
}> {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress })
  return watchSocket(t, socket, 'connect')
}

/** Gathers what a socket receives. */
export async function watchSocket<Socket extends net.Socket>(t: Test, socket: Socket, ready: string) {
  let text = ''
  const chunks = new Arrivals<string>()
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    chunks.push(text)
  })
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  t.teardown(() => socket.destroy())
  await once(socket, ready)
  const until = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(text)) await chunks.next()
    return text
  }
  return { socket, received: () => text, until, closed }
}
