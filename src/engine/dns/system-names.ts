import { lookup } from 'node:dns/promises'
import { DnsError } from './dns-message.ts'

const nothingThere = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME']
/**
 * getaddrinfo waits in one of Node's four worker threads, for many seconds where nobody answers. Files and keys need
 * those threads too, and a phone may put any name into its Contact.
 */
const maxAtOnce = 2
const maxOpen = 256

/** Names of this network (mDNS, search domains), asked of the system; equal questions are asked once. */
export class SystemNames {
  readonly #lookUp: (name: string) => Promise<{ address: string }[]>
  readonly #open = new Map<string, Promise<string[]>>()
  /** Those whose turn comes later, first come first. */
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** `lookUp`: left out = getaddrinfo. */
  constructor(lookUp = (name: string): Promise<{ address: string }[]> => lookup(name, { all: true })) {
    this.#lookUp = lookUp
  }

  /** The addresses of a name, empty when nobody has it; rejects when the system cannot tell. */
  addresses(name: string): Promise<string[]> {
    const open = this.#open.get(name)
    if (open) return open
    if (this.#open.size >= maxOpen) {
      return Promise.reject(new DnsError('EBUSY', 'too many names of this network are being looked up'))
    }
    const asking = this.#inTurn(name).finally(() => this.#open.delete(name))
    this.#open.set(name, asking)
    return asking
  }

  async #inTurn(name: string): Promise<string[]> {
    if (this.#running < maxAtOnce) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return (await this.#lookUp(name)).map(({ address }) => address)
    } catch (error) {
      const code = (error as { code?: unknown } | undefined)?.code
      if (typeof code === 'string' && nothingThere.includes(code)) return []
      throw error
    } finally {
      // The place goes to whoever waits longest, or is free.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
