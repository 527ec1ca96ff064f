/**
 * Which application gets a new request: per method, round robin over those that asked for it. What belongs to a
 * transaction or dialog never comes here.
 */
export class RouteTable<Client> {
  readonly #clients = new Map<string, Client[]>()
  readonly #turn = new Map<string, number>()
  readonly #ever = new Set<string>()

  /** How many pairs of method and client there are. */
  get size(): number {
    let size = 0
    for (const list of this.#clients.values()) size += list.length
    return size
  }

  /** Adding the same method twice changes nothing. */
  add(method: string, client: Client): void {
    this.#ever.add(method)
    const list = this.#clients.get(method)
    if (!list) this.#clients.set(method, [client])
    else if (!list.includes(client)) list.push(client)
  }

  /** Takes back one method of one client, no other. */
  remove(method: string, client: Client): void {
    const rest = this.#clients.get(method)?.filter((entry) => entry !== client)
    if (rest && rest.length > 0) this.#clients.set(method, rest)
    else {
      this.#clients.delete(method)
      this.#turn.delete(method)
    }
  }

  /** The client is gone. */
  removeAll(client: Client): void {
    for (const method of [...this.#clients.keys()]) this.remove(method, client)
  }

  /** The methods that somebody asked for. */
  methods(): string[] {
    return [...this.#clients.keys()]
  }

  /** Whether the method was ever asked for, even by a client that is gone. */
  everServed(method: string): boolean {
    return this.#ever.has(method)
  }

  choose(method: string): Client | undefined {
    const list = this.#clients.get(method)
    if (!list) return undefined
    const turn = this.#turn.get(method) ?? 0
    this.#turn.set(method, turn + 1)
    return list[turn % list.length]
  }
}
