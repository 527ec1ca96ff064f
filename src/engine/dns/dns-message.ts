import {
  decode,
  encode,
  type Answer as PacketAnswer,
  type DecodedPacket,
  type OptAnswer,
  type SrvData,
} from 'dns-packet'
import { secondsToMs } from '#src/base/clock.ts'
import type { Answer, NaptrRecord, RecordType, Records, SrvRecord } from './dns-port.ts'

/** RFC 9715: larger datagrams may be cut on the way. */
const udpPayloadBytes = 1232
const longestAliasChain = 8
const longestTtlMs = secondsToMs(86_400)
const longestNegativeMs = secondsToMs(900)
const negativeWithoutSoaMs = secondsToMs(30)
const recordsRead = 64
const recursionDesired = 256

/** Why an answer cannot be used; another server may do better. */
export class DnsError extends Error {
  readonly code: string

  constructor(code: string, text: string, cause?: unknown) {
    super(text, cause === undefined ? {} : { cause })
    this.name = 'DnsError'
    this.code = code
  }
}

/** What came back: an answer, an alias to ask for instead, or the wish to be asked over TCP. */
export type Reply<Type extends RecordType> =
  { kind: 'answer'; answer: Answer<Type> } | { kind: 'alias'; name: string; ttlMs: number } | { kind: 'cut' }

// RFC 6891 6.1.2: says how large an answer may be. The types ask for what only an answer has.
const payloadOption = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: udpPayloadBytes,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
} satisfies OptAnswer & Record<string, unknown>

/** Writes a question. */
export function writeQuestion(id: number, type: RecordType, name: string): Buffer {
  return encode({
    type: 'query',
    id,
    flags: recursionDesired,
    questions: [{ type, name, class: 'IN' }],
    additionals: [payloadOption],
  })
}

/** Reads what came back; undefined when it does not belong to the question, DnsError when the server failed. */
export function readReply<Type extends RecordType>(
  bytes: Buffer,
  id: number,
  type: Type,
  name: string,
): Reply<Type> | undefined {
  let packet: DecodedPacket
  try {
    packet = decode(bytes)
  } catch (error) {
    throw new DnsError('BADRESP', 'the DNS server sent something unreadable', error)
  }
  const [question] = packet.questions ?? []
  if (packet.type !== 'response' || packet.id !== id) return undefined
  if (!question || question.type !== type || !sameName(question.name, name)) return undefined
  if (packet.flag_tc) return { kind: 'cut' }
  const { rcode } = packet as DecodedPacket & { rcode?: string }
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') {
    throw new DnsError(rcode ?? 'BADRESP', `the DNS server answered ${rcode ?? 'nothing'} for ${name}`)
  }
  return readAnswers(packet, type, name)
}

function readAnswers<Type extends RecordType>(packet: DecodedPacket, type: Type, asked: string): Reply<Type> {
  const answers = (packet.answers ?? []).slice(0, recordsRead)
  let name = asked
  let ttlMs = longestTtlMs
  for (let step = 0; step < longestAliasChain; step++) {
    const records: Records[Type][] = []
    let alias: string | undefined
    let aliasTtlMs = longestTtlMs
    for (const answer of answers) {
      if (!sameName(answer.name, name)) continue
      if (answer.type === 'CNAME') {
        alias = answer.data
        aliasTtlMs = ttlOf(answer)
      } else if (answer.type === type) {
        const record = recordOf(type, answer)
        if (record === undefined) continue
        records.push(record)
        ttlMs = Math.min(ttlMs, ttlOf(answer))
      }
    }
    if (records.length > 0) return { kind: 'answer', answer: { records, ttlMs } }
    if (alias === undefined) break
    ttlMs = Math.min(ttlMs, aliasTtlMs)
    name = alias
  }
  // The chain ends outside of what the server sent; who knows more has to be asked for its end.
  if (!sameName(name, asked) && !hasSoa(packet)) return { kind: 'alias', name, ttlMs }
  return { kind: 'answer', answer: { records: [], ttlMs: Math.min(ttlMs, negativeTtlMs(packet)) } }
}

function hasSoa(packet: DecodedPacket): boolean {
  return (packet.authorities ?? []).some(({ type }) => type === 'SOA')
}

// RFC 2308 5: the smaller of the SOA's own TTL and its minimum field.
function negativeTtlMs(packet: DecodedPacket): number {
  for (const authority of packet.authorities ?? []) {
    if (authority.type !== 'SOA') continue
    const minimumMs = secondsToMs(authority.data.minimum ?? 0)
    return Math.min(ttlOf(authority), minimumMs, longestNegativeMs)
  }
  return negativeWithoutSoaMs
}

// RFC 2181 8: a TTL with the top bit set is to be taken for zero.
function ttlOf(answer: PacketAnswer): number {
  const seconds = 'ttl' in answer ? (answer.ttl ?? 0) : 0
  return seconds > 0x7fff_ffff ? 0 : Math.min(secondsToMs(seconds), longestTtlMs)
}

function recordOf<Type extends RecordType>(type: Type, answer: PacketAnswer): Records[Type] | undefined {
  return readers[type](answer)
}

const readers: { [Type in RecordType]: (answer: PacketAnswer) => Records[Type] | undefined } = {
  A: (answer) => (answer.type === 'A' ? answer.data : undefined),
  AAAA: (answer) => (answer.type === 'AAAA' ? answer.data : undefined),
  SRV: (answer) => (answer.type === 'SRV' ? srvOf(answer.data) : undefined),
  NAPTR: (answer) => (answer.type === 'NAPTR' ? naptrOf(answer.data) : undefined),
}

function srvOf(data: SrvData): SrvRecord {
  return { priority: data.priority ?? 0, weight: data.weight ?? 0, port: data.port, name: data.target }
}

function naptrOf(data: {
  order: number
  preference: number
  flags: string
  services: string
  replacement: string
}): NaptrRecord {
  const { order, preference, flags, services, replacement } = data
  return { order, preference, flags, service: services, replacement }
}

function sameName(first: string, second: string): boolean {
  return first.toLowerCase().replace(/\.$/, '') === second.toLowerCase().replace(/\.$/, '')
}
