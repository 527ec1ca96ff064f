import { systemRandom } from '#src/base/random.ts'
import { sleepOn, type Clock, type Timer } from '#src/base/clock.ts'
import type { ClientTransaction } from '#src/engine/transaction/client-transaction.ts'
import type { ServerTransaction } from '#src/engine/transaction/server-transaction.ts'
import { AnsweredRequests } from '#src/engine/transaction/answered-requests.ts'
import { TransactionLayer } from '#src/engine/transaction/transaction-layer.ts'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import { fakeFlow, FakeTransport } from '../support/fake-transport.ts'

interface Armed {
  delayMs: number
  callback: () => void
}

/** A clock on which a test fires one timer at a time, whatever others are armed. */
export class TableClock implements Clock {
  readonly #armed = new Set<Armed>()

  nowMs(): number {
    return 0
  }

  monotonicMs(): number {
    return 0
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry = { delayMs, callback }
    this.#armed.add(entry)
    return { cancel: () => this.#armed.delete(entry) }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  /** Durations of what is armed, ascending. */
  get armed(): number[] {
    return [...this.#armed].map((entry) => entry.delayMs).sort((first, second) => first - second)
  }

  /** The timer of this duration itself: another one after an event means that it was set anew. */
  armedAs(delayMs: number): object | undefined {
    return [...this.#armed].find((one) => one.delayMs === delayMs)
  }

  /** Fires the timer of this duration; false when none is armed. */
  fire(delayMs: number): boolean {
    const entry = [...this.#armed].find((one) => one.delayMs === delayMs)
    if (!entry) return false
    this.#armed.delete(entry)
    entry.callback()
    return true
  }
}

/** A request of a peer or of ours; `via` is its top Via. */
export function request(method: string, via = 'SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKone'): SipRequest {
  const headers = new SipHeaders([
    'Via',
    via,
    'From',
    '<sip:a@x>;tag=f',
    'To',
    '<sip:b@x>',
    'Call-ID',
    'c1',
    'CSeq',
    `1 ${method}`,
  ])
  return { kind: 'request', method, uri: 'sip:b@x', headers, body: Buffer.alloc(0) }
}

/** An answer to a request. */
export function response(to: SipRequest, status: number): SipResponse {
  const headers = to.headers.clone()
  headers.set('To', '<sip:b@x>;tag=t')
  return { kind: 'response', status, reason: 'x', headers, body: Buffer.alloc(0) }
}

/** What one event did. */
export interface Effect {
  state: string
  /** `>METHOD` and `>status` as sent, `^…` as told to the user above, in order. */
  did: string[]
  armed: number[]
}

/** A transaction layer between a fake transport and a user that notes everything. */
export class TableWorld {
  readonly clock = new TableClock()
  readonly notes: string[] = []
  readonly layer: TransactionLayer
  readonly reliable: boolean
  readonly servers: ServerTransaction[] = []
  client: ClientTransaction | undefined
  readonly #transport: FakeTransport
  #noted = 0

  constructor(reliable: boolean) {
    this.reliable = reliable
    this.#transport = new FakeTransport(this.clock)
    const counters = {
      retransmissionsSent: 0,
      retransmissionsReceived: 0,
      clientTimeouts: 0,
      serverTimeouts: 0,
      transportErrors: 0,
    }
    const { clock, notes } = this
    const transport = Object.assign(this.#transport, {
      send: (message: SipRequest | SipResponse) => {
        notes.push(`>${message.kind === 'request' ? message.method : message.status}`)
        return 100
      },
    })
    const bases = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 }
    const answered = new AnsweredRequests({ clock, random: systemRandom, lifetimeMs: 64 * bases.t1Ms })
    const context = { clock, bases, transport, counters, answered }
    this.layer = new TransactionLayer(context, transport, systemRandom, {
      onRequest: (transaction) => this.#adopt(transaction),
      onCancel: (_transaction, invite) => void notes.push(invite ? `^CANCEL:${invite.state}` : '^CANCEL'),
      onAck: () => void notes.push('^2xxACK'),
      onStraySuccess: (stray) => void notes.push(`^stray${stray.status}`),
    })
  }

  get flow() {
    return fakeFlow(this.reliable ? 'tcp' : 'udp')
  }

  #adopt(transaction: ServerTransaction): void {
    this.servers.push(transaction)
    this.notes.push(`^${transaction.request.method}`)
    transaction.user = {
      onAck: () => void this.notes.push('^ACK'),
      onFailed: (cause) => void this.notes.push(`^${cause}`),
      onUnanswered: () => void this.notes.push('^unanswered'),
      onTerminated: () => void this.notes.push('^over'),
    }
  }

  /** Begins a request of ours. */
  ask(method: string): void {
    this.client = this.layer.createClient(request(method), this.flow, {
      onResponse: (answer) => void this.notes.push(`^${answer.status}`),
      onFailed: (cause) => void this.notes.push(`^${cause}`),
    })
    this.client.start()
  }

  /** The peer answers the request of ours, or what the changes make of it. */
  answer(status: number, change: (answer: SipResponse) => void = () => undefined): void {
    const { client } = this
    if (!client) throw new Error('nothing was asked')
    const answer = response(client.request, status)
    change(answer)
    this.layer.receiveResponse(answer, this.flow, 100)
  }

  /** The peer asks. */
  receive(message: SipRequest): void {
    this.layer.receiveRequest(message, this.flow, 100)
  }

  /** Our user answers the first request. */
  respond(status: number): void {
    const first = this.servers[0]
    first?.respond(response(first.request, status))
  }

  /** The state of the transaction under test. */
  get state(): string {
    return (this.client ?? this.servers[0])?.state ?? 'none'
  }

  /** What happened since the last call. */
  effect(): Effect {
    const did = this.notes.slice(this.#noted)
    this.#noted = this.notes.length
    return { state: this.state, did, armed: this.clock.armed }
  }
}
