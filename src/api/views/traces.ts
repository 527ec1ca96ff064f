import { formatEndpoint } from '#src/base/net.ts'
import type { ApiStore } from '../ports.ts'
import type { PartyView } from '../schema/calls.ts'
import type { LadderColumn, LadderView, TracedMessageView } from '../schema/traces.ts'
import type { TracedLeg, TracedMessage } from '../traces-port.ts'
import { viewParty } from './calls.ts'

/** More of one message is a body that nobody reads on a page; the capture has all of it. */
const maxTextBytes = 16_384

/** The ladder of a call: the caller, this box, and everybody whom it rang, in the order in which they came. */
export function viewLadder(
  legs: readonly TracedLeg[],
  limit: number,
  store: ApiStore | undefined,
): LadderView {
  const columns = new Columns()
  for (const [index, leg] of legs.entries()) {
    for (const { flow } of leg.messages) columns.peer(flow.remoteHost, partyOf(leg, store))
    if (index === 0) columns.box()
  }
  const all = legs
    .flatMap((leg) => leg.messages.map((message) => ({ message, party: partyOf(leg, store) })))
    .sort((a, b) => a.message.atMs - b.message.atMs)
  const dropped = legs.reduce((sum, leg) => sum + leg.dropped, 0)
  return view(all, limit, columns, dropped)
}

/** The ladder of messages outside calls: this box, and every peer by its address. */
export function viewOutside(
  messages: readonly TracedMessage[],
  limit: number,
  partyAt: (message: TracedMessage) => PartyView | null,
): LadderView {
  const columns = new Columns()
  const all = messages.map((message) => ({ message, party: partyAt(message) }))
  for (const { message, party } of all) columns.peer(message.flow.remoteHost, party)
  columns.box()
  return view(all, limit, columns, 0)
}

/** Who is to be found under which index. */
class Columns {
  readonly list: LadderColumn[] = []
  readonly #byKey = new Map<string, number>()

  box(): number {
    return this.#find('box', { kind: 'box', party: null, host: '' })
  }

  peer(host: string, party: PartyView | null): number {
    return this.#find(`${party?.kind}:${party?.id}@${host}`, { kind: 'peer', party, host })
  }

  #find(key: string, column: LadderColumn): number {
    let index = this.#byKey.get(key)
    if (index === undefined) {
      index = this.list.push(column) - 1
      this.#byKey.set(key, index)
    }
    return index
  }
}

function view(
  all: { message: TracedMessage; party: PartyView | null }[],
  limit: number,
  columns: Columns,
  dropped: number,
): LadderView {
  const seen = new Map<string, number>()
  // How it began and how it ended is what somebody looks for.
  const firstHalf = Math.ceil(limit / 2)
  const shown =
    all.length > limit ? [...all.slice(0, firstHalf), ...all.slice(all.length - limit + firstHalf)] : all
  const messages = shown.map(({ message, party }, index) => {
    const box = columns.box()
    const peer = columns.peer(message.flow.remoteHost, party)
    const ends = message.sent ? { from: box, to: peer } : { from: peer, to: box }
    // RFC 3261 17: a retransmission is the same message, byte for byte.
    const key = `${ends.from} ${message.flow.remotePort} ${message.bytes.toString('latin1')}`
    const repeatOf = seen.get(key) ?? null
    if (repeatOf === null) seen.set(key, index)
    return { ...viewMessage(message), ...ends, repeatOf }
  })
  return { columns: columns.list, messages, leftOut: dropped + all.length - messages.length }
}

type Outline = Omit<TracedMessageView, 'from' | 'to' | 'repeatOf'>

function viewMessage({ atMs, sent, flow, size, bytes }: TracedMessage): Outline {
  const text = bytes.toString('utf8', 0, Math.min(bytes.length, maxTextBytes))
  const local = formatEndpoint(flow.localHost, flow.localPort)
  const remote = formatEndpoint(flow.remoteHost, flow.remotePort)
  return {
    atMs,
    ...readStart(text),
    hasSdp: /^(?:content-type|c)[ \t]*:[ \t]*application\/sdp/im.test(text),
    sipCallId: field(text, 'call-id|i'),
    protocol: flow.protocol,
    source: sent ? local : remote,
    destination: sent ? remote : local,
    size,
    text,
    cut: size > maxTextBytes || size > bytes.length,
  }
}

/** Reads no more than a ladder shows: what the parser refused must be shown as well. */
function readStart(text: string): Pick<Outline, 'kind' | 'method' | 'status' | 'label' | 'cseq'> {
  const line = /^\s*([^\r\n]{0,200})/.exec(text)?.[1] ?? ''
  const cseq = field(text, 'cseq')
  const response = /^SIP\/2\.0 (\d{3})(?: (.*))?$/.exec(line)
  if (response) {
    const label = `${response[1]} ${response[2] ?? ''}`.trim()
    const method = /\s([A-Za-z]+)$/.exec(cseq)?.[1] ?? ''
    return { kind: 'response', method, status: Number(response[1]), label, cseq }
  }
  const method = /^([^\s]{1,32}) \S+ SIP\/2\.0$/i.exec(line)?.[1]
  if (method !== undefined) return { kind: 'request', method, status: null, label: method, cseq }
  return { kind: 'unreadable', method: '', status: null, label: line.slice(0, 40) || 'not SIP', cseq }
}

function field(text: string, names: string): string {
  return new RegExp(`^(?:${names})[ \\t]*:[ \\t]*([^\\r\\n]{0,200})`, 'im').exec(text)?.[1]?.trim() ?? ''
}

function partyOf({ party }: TracedLeg, store: ApiStore | undefined): PartyView | null {
  return party ? viewParty(party, store) : null
}
