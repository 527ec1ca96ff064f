import { X509Certificate } from 'node:crypto'
import { ask, type Reply } from '#test/support/https.ts'

/** One fetch that the phone made. */
export interface Fetch {
  url: string
  status: number
  /** True when it was asked for with If-Modified-Since. */
  conditional: boolean
}

/**
 * A Yealink phone as far as provisioning goes, after the vendor's description and none of the box's code: it asks for
 * its boot file, then for what that names, or for the old names when there is none; a 404 is skipped; what it had
 * before it asks for with If-Modified-Since; a CA is fetched from where the configuration says and is from then on
 * the only thing that it trusts.
 */
export class YealinkPhone {
  readonly mac: string
  readonly settings = new Map<string, string>()
  readonly fetches: Fetch[] = []
  /** CA certificates that the phone was told to trust, PEM. */
  trusted: string[] = []
  readonly #commonFile: string
  readonly #userAgent: string
  /** By URL: when the phone's copy was last modified. */
  readonly #copies = new Map<string, string>()
  #url: string

  /** `url`: what DHCP option 66, or the answer to SIP PnP, says. */
  constructor(phone: { mac: string; model: string; commonFile: string; firmware: string; url: string }) {
    this.mac = phone.mac
    this.#commonFile = phone.commonFile
    const spelled = phone.mac.match(/../g)?.join(':') ?? ''
    this.#userAgent = `Yealink SIP-${phone.model} ${phone.firmware} ${spelled}`
    this.#url = phone.url
  }

  /** Where the phone fetches its files from now. */
  get url(): string {
    return this.#url
  }

  /** The phone's value of a setting, which must have been given. */
  setting(name: string): string {
    const value = this.settings.get(name)
    if (value === undefined) throw new Error(`the phone was never told ${name}`)
    return value
  }

  /** Forgets all: what holding the OK key for ten seconds does. */
  factoryReset(url: string): void {
    this.settings.clear()
    this.#copies.clear()
    this.trusted = []
    this.#url = url
  }

  /** One round of auto provisioning; goes on at a new address, as the phone does a minute later at most. */
  async provision(): Promise<void> {
    for (let rounds = 0; rounds < 4; rounds++) {
      const from = this.#url
      await this.#round()
      if (this.#url === from) return
    }
    throw new Error('the phone is sent in circles')
  }

  /** Fetches a page for the display. */
  async page(url: string): Promise<Reply> {
    return this.#get(url, {})
  }

  async #round(): Promise<void> {
    const boot =
      (await this.#file(`${this.mac}.boot`)) ?? ((await this.#file('y000000000000.boot')) || undefined)
    const names =
      boot === undefined
        ? [this.#commonFile, `${this.mac}.cfg`]
        : boot === 'unchanged'
          ? this.#last
          : included(boot)
    this.#last = names
    const texts: string[] = []
    for (const name of names) {
      const text = await this.#file(name)
      if (text !== undefined && text !== 'unchanged') texts.push(text)
    }
    for (const text of texts) for (const [key, value] of parseCfg(text)) this.#set(key, value)
    const ca = this.settings.get('static.trusted_certificates.url')
    if (texts.length > 0 && ca !== undefined) await this.#fetchCa(ca)
    this.#url = this.settings.get('static.auto_provision.server.url') ?? this.#url
  }

  #last: string[] = []

  #set(key: string, value: string): void {
    if (value === '%NULL%') this.settings.delete(key)
    else this.settings.set(key, value)
  }

  /** Undefined: 404. */
  async #file(name: string): Promise<string | undefined> {
    const url = `${this.#url}${this.#url.endsWith('/') ? '' : '/'}${name}`
    const since = this.#copies.get(url)
    const reply = await this.#get(url, since === undefined ? {} : { 'if-modified-since': since })
    if (reply.status === 304) return 'unchanged'
    if (reply.status !== 200) return undefined
    const modified = reply.headers['last-modified']
    if (typeof modified === 'string') this.#copies.set(url, modified)
    return reply.text
  }

  async #fetchCa(url: string): Promise<void> {
    const reply = await this.#get(url, {})
    if (reply.status !== 200) return
    const certificate = new X509Certificate(reply.text)
    if (!certificate.ca) throw new Error('what the phone shall trust is no CA')
    if (!this.trusted.includes(reply.text)) this.trusted.push(reply.text)
  }

  async #get(url: string, headers: Record<string, string>): Promise<Reply> {
    const reply = await ask(url, {
      headers: { 'user-agent': this.#userAgent, ...headers },
      // Nothing but what it was told: a phone without the CA cannot fetch anything over HTTPS.
      ...(url.startsWith('https:') ? { caPem: this.trusted.join('\n') || noTrust } : {}),
    })
    this.fetches.push({ url, status: reply.status, conditional: 'if-modified-since' in headers })
    return reply
  }
}

/** A trusted list that trusts nobody: an empty one would mean the public roots of Node. */
const noTrust = ' '

const header = '#!version:1.0.0.1'

function included(boot: string): string[] {
  const [first, ...lines] = boot.split('\n')
  if (first !== header) throw new Error(`a boot file that the phone does not take: ${first}`)
  return lines.flatMap((line) => {
    const match = /^include:config\s+(?:"([^"]+)"|<([^>]+)>)\s*$/.exec(line)
    return match?.[1] ?? match?.[2] ?? []
  })
}

/** Reads `key = value` lines; `#` begins a remark, and only at the start of a line. */
export function parseCfg(text: string): [string, string][] {
  const [first, ...lines] = text.split('\n')
  if (first !== header) throw new Error(`a file that the phone does not take: ${first}`)
  return lines.flatMap((line): [string, string][] => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const match = /^\s*([a-zA-Z0-9_.]+)\s*=\s?(.*?)\s*$/.exec(line)
    if (!match) throw new Error(`a line that the phone does not understand: ${line}`)
    return [[match[1] ?? '', match[2] ?? '']]
  })
}
