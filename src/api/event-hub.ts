import type { Clock, Timer } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { ApiEventName, ApiEvents } from './schema/events.ts'

/** Where one page's events go: the raw reply of its request. */
export interface EventSink {
  write(text: string): void
  end(): void
  /** Bytes written and not yet taken by the network. */
  readonly waitingBytes: number
}

interface Client {
  sink: EventSink
  /** False once the login behind it has ended. */
  isAllowed(): boolean
}

/** Hears what the pages hear, inside the box. */
type Listener = <Name extends ApiEventName>(name: Name, fact: ApiEvents[Name]) => void

const heartbeatMs = 15_000
// A page that stops reading is cut off; it reconnects and reads everything anew, so nothing is lost.
const maxWaitingBytes = 256 * 1024
const maxClients = 100

/** Fans committed facts out to the open pages as server-sent events. */
export class EventHub {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #clients = new Set<Client>()
  readonly #listeners = new Set<Listener>()
  #heartbeat: Timer | undefined
  #dropped = 0

  constructor(needs: { clock: Clock; logger: Logger }) {
    this.#clock = needs.clock
    this.#logger = needs.logger
  }

  get clientCount(): number {
    return this.#clients.size
  }

  /** Pages that were cut off because they did not read. */
  get droppedCount(): number {
    return this.#dropped
  }

  /** True when no further page may be opened. */
  get isFull(): boolean {
    return this.#clients.size >= maxClients
  }

  /** Adds a page; the returned function removes it. */
  open(sink: EventSink, isAllowed: () => boolean): () => void {
    const client: Client = { sink, isAllowed }
    this.#clients.add(client)
    sink.write('retry: 2000\n\nevent: hello\ndata: {}\n\n')
    this.#heartbeat ??= this.#clock.setTimer(heartbeatMs, () => this.#beat())
    return () => this.#remove(client)
  }

  /** Adds a listener inside the box, which must not throw; the returned function removes it. */
  hear(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  publish<Name extends ApiEventName>(name: Name, fact: ApiEvents[Name]): void {
    for (const listener of this.#listeners) listener(name, fact)
    if (this.#clients.size === 0) return
    const text = `event: ${name}\ndata: ${JSON.stringify(fact)}\n\n`
    for (const client of [...this.#clients]) this.#send(client, text)
  }

  /** Ends the pages whose login has ended, at logout rather than at the next heartbeat. */
  dropDisallowed(): void {
    for (const client of [...this.#clients]) if (!client.isAllowed()) this.#end(client)
  }

  close(): void {
    for (const client of [...this.#clients]) this.#end(client)
  }

  #beat(): void {
    this.#heartbeat = undefined
    this.dropDisallowed()
    for (const client of [...this.#clients]) this.#send(client, ': beat\n\n')
    if (this.#clients.size > 0) this.#heartbeat = this.#clock.setTimer(heartbeatMs, () => this.#beat())
  }

  #send(client: Client, text: string): void {
    if (client.sink.waitingBytes > maxWaitingBytes) {
      this.#dropped++
      this.#logger.info(
        { waitingBytes: client.sink.waitingBytes },
        'a page does not read its events: cut off',
      )
      this.#end(client)
      return
    }
    client.sink.write(text)
  }

  #end(client: Client): void {
    this.#remove(client)
    client.sink.end()
  }

  #remove(client: Client): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    this.#heartbeat?.cancel()
    this.#heartbeat = undefined
  }
}
