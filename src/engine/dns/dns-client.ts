import dgram from 'node:dgram'
import { isIPv6, connect as connectTcp } from 'node:net'
import type { Clock } from '#src/base/clock.ts'
import type { Random } from '#src/base/random.ts'
import { DnsError, readReply, writeQuestion, type Reply } from './dns-message.ts'
import type { Answer, RecordType } from './dns-port.ts'

const tryMs = 2000
const rounds = 2
const longestAliasChain = 4
const defaultPort = 53
const mostServers = 4
const maxTcpBytes = 65_535

/** What asking takes. */
export interface DnsClientOptions {
  /** Addresses, with or without port: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`. Read for each question. */
  servers: () => Promise<readonly string[]>
  clock: Clock
  random: Random
  /** Servers that failed lately, and until when they are asked last (monotonic ms); the caller keeps it. */
  failedUntilMs: Map<string, number>
}

const lastForMs = 30_000

interface Server {
  host: string
  port: number
}

/** Asks the servers one after the other, twice each; rejects with the last failure. */
export async function askServers<Type extends RecordType>(
  type: Type,
  name: string,
  options: DnsClientOptions,
): Promise<Answer<Type>> {
  let wanted = name
  let ttlMs = Infinity
  for (let step = 0; step <= longestAliasChain; step++) {
    const reply = await askOnce(type, wanted, options)
    if (reply.kind === 'answer') {
      return { records: reply.answer.records, ttlMs: Math.min(ttlMs, reply.answer.ttlMs) }
    }
    ttlMs = Math.min(ttlMs, reply.ttlMs)
    wanted = reply.name
  }
  throw new DnsError('BADRESP', `${name} leads through too many aliases`)
}

type Settled<Type extends RecordType> = Exclude<Reply<Type>, { kind: 'cut' }>

async function askOnce<Type extends RecordType>(
  type: Type,
  name: string,
  options: DnsClientOptions,
): Promise<Settled<Type>> {
  const { clock, failedUntilMs } = options
  const all = (await options.servers()).slice(0, mostServers)
  const nowMs = clock.monotonicMs()
  const isDown = (server: string): boolean => (failedUntilMs.get(server) ?? 0) > nowMs
  const servers = [...all.filter((server) => !isDown(server)), ...all.filter(isDown)]
  let failure: unknown = new DnsError('NOSERVER', 'no DNS server is set')
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      try {
        const reply = await askServer(type, name, readServer(server), options)
        failedUntilMs.delete(server)
        return reply
      } catch (error) {
        failure = error
        failedUntilMs.set(server, clock.monotonicMs() + lastForMs)
      }
    }
  }
  throw failure
}

async function askServer<Type extends RecordType>(
  type: Type,
  name: string,
  server: Server,
  options: DnsClientOptions,
): Promise<Settled<Type>> {
  const id = options.random.bytes(2).readUInt16BE()
  const question = writeQuestion(id, type, name)
  const read = (bytes: Buffer): Reply<Type> | undefined => readReply(bytes, id, type, name)
  const reply = await overUdp(question, server, options.clock, read)
  if (reply.kind !== 'cut') return reply
  const whole = await overTcp(question, server, options.clock, read)
  if (whole.kind === 'cut') throw new DnsError('BADRESP', `${server.host} cuts its answers over TCP as well`)
  return whole
}

// The socket is connected: the kernel drops what others send, and tells of a closed port.
function overUdp<Value>(
  question: Buffer,
  server: Server,
  clock: Clock,
  read: (bytes: Buffer) => Value | undefined,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(isIPv6(server.host) ? 'udp6' : 'udp4')
    let open = true
    const finish = (act: () => void): void => {
      if (!open) return
      open = false
      timer.cancel()
      socket.close()
      act()
    }
    const fail = (error: unknown): void => finish(() => reject(toError(error, server)))
    const timer = clock.setTimer(tryMs, () => fail(tooLate(server)))
    socket.on('error', fail)
    socket.on('message', (bytes) => {
      try {
        const value = read(bytes)
        // Something else, perhaps forged: the answer may still come.
        if (value !== undefined) finish(() => resolve(value))
      } catch (error) {
        fail(error)
      }
    })
    socket.connect(server.port, server.host, (error?: Error) => {
      if (error) fail(error)
      else if (open) socket.send(question, (sendError) => sendError && fail(sendError))
    })
  })
}

function overTcp<Value>(
  question: Buffer,
  server: Server,
  clock: Clock,
  read: (bytes: Buffer) => Value | undefined,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: server.host, port: server.port })
    let received = Buffer.alloc(0)
    let open = true
    const finish = (act: () => void): void => {
      if (!open) return
      open = false
      timer.cancel()
      socket.destroy()
      act()
    }
    const fail = (error: unknown): void => finish(() => reject(toError(error, server)))
    const timer = clock.setTimer(tryMs, () => fail(tooLate(server)))
    socket.on('error', fail)
    socket.on('close', () => fail(new DnsError('ECONNRESET', `${server.host} closed the connection`)))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2) return
      const length = received.readUInt16BE(0)
      if (received.length < length + 2 && received.length < maxTcpBytes + 2) return
      try {
        const value = read(received.subarray(2, length + 2))
        if (value === undefined) fail(new DnsError('BADRESP', `${server.host} answered something else`))
        else finish(() => resolve(value))
      } catch (error) {
        fail(error)
      }
    })
    const length = Buffer.alloc(2)
    length.writeUInt16BE(question.length)
    socket.write(Buffer.concat([length, question]))
  })
}

function tooLate(server: Server): DnsError {
  return new DnsError('ETIMEOUT', `the DNS server ${server.host} does not answer`)
}

function toError(error: unknown, server: Server): Error {
  if (error instanceof DnsError) return error
  return new DnsError('ECONNREFUSED', `the DNS server ${server.host} cannot be asked`, error)
}

function readServer(text: string): Server {
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text)
  return { host: match?.[1] ?? text, port: Number(match?.[2] ?? defaultPort) }
}
