import { XMLParser } from 'fast-xml-parser'
import { spectralinkAssumptions as assumed } from '#src/devices/vendors/spectralink-undocumented.ts'
import type { HandsetAccount } from '#test/peers/sipp-dect.ts'
import type { Box } from '#test/support/box.ts'
import { ask, type Reply } from '#test/support/https.ts'

/** A user as the server reads it from its user file. */
export interface ServerUser extends HandsetAccount {
  ipei: string
  accessCode: string
  displayName: string
  standbyText: string
}

interface ConfigFile {
  config: {
    dect?: { subscription_allowed: string }
    provisioning: { server: { url: string }; users: { check: string } }
    sip?: { proxy: { domain: string; port: string; transport: string } }
  }
}

// Everything stays text, as it stands in the file: an access code may begin with 0.
const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === assumed.users.user })

/**
 * The provisioning side of a Spectralink server, acted out: sent to the box by DHCP it asks for its configuration over
 * plain HTTP, goes on where that sends it, and takes its users from there.
 */
export class SpectralinkServer {
  readonly #box: Box
  readonly #mac: string
  #url: string

  constructor(box: Box, mac: string) {
    this.#box = box
    this.#mac = mac.toUpperCase()
    this.#url = `http://127.0.0.1:${box.ports.http}/`
  }

  /** Where it fetches from now. */
  get url(): string {
    return this.#url
  }

  /** One file, wherever it fetches from now. */
  get(name: 'config' | 'users', headers: Record<string, string> = {}): Promise<Reply> {
    return ask(`${this.#url}${this.#mac}-${name}.xml`, { headers, caPem: this.#box.caPem })
  }

  /** Reads its configuration, and again from the address that it names, until that is the address it came from. */
  async configure(): Promise<ConfigFile['config']> {
    for (let hops = 0; hops < 4; hops++) {
      const reply = await this.get('config')
      if (reply.status !== 200) throw new Error(`${this.#url}: ${reply.status} ${reply.text}`)
      const { config } = parser.parse(reply.text) as ConfigFile
      const { url } = config.provisioning.server
      if (url === this.#url) return config
      this.#url = url
    }
    throw new Error('the configuration sends the server from one address to the next')
  }

  /** Reads its users. */
  async users(): Promise<ServerUser[]> {
    const reply = await this.get('users')
    if (reply.status !== 200) throw new Error(`users: ${reply.status} ${reply.text}`)
    const names = assumed.users
    const { [names.root]: root } = parser.parse(reply.text) as Record<string, '' | Record<string, unknown>>
    const users = (root === '' || root === undefined ? [] : root[names.user]) as Record<string, string>[]
    return users.map((user) => {
      const value = (name: keyof typeof names): string => user[names[name]] ?? ''
      return {
        ipei: value('ipei'),
        accessCode: value('accessCode'),
        username: value('username'),
        password: value('authPassword'),
        displayName: value('displayName'),
        standbyText: value('standbyText'),
      }
    })
  }
}
