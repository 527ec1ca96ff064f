import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { freePort } from '#test/peers/free-port.ts'
import { root } from '#test/house/source-files.ts'
import { ask, type Reply } from './https.ts'
import { nodeFlags } from './node-flags.ts'
import { until } from './until.ts'

/** An admin's password for throw-away boxes of tests. */
export const adminPassword = 'correct horse battery staple'

export interface BoxPorts {
  udp: number
  tcp: number
  tls: number
  https: number
  http: number
}

/** What GET /api/health says. */
export interface Health {
  state: string
  lab: boolean
  uptimeS: number
  parts: { name: string; state: string; detail: string; advice?: string }[]
}

/** The whole box as its own process, started as a person starts it, in a folder of its own on loopback. */
export class Box {
  readonly folder: string
  readonly dataDir: string
  readonly ports: BoxPorts
  readonly args: string[]
  readonly #preload: string[]
  caPem: string | undefined
  #child: ChildProcess | undefined
  #ended: Promise<number | null> = Promise.resolve(null)
  #output = ''
  /** Signs of the output that were there before the latest launch. */
  #outputBefore = 0
  #cookie: string | undefined

  private constructor(folder: string, ports: BoxPorts, args: string[], preload: string[]) {
    this.folder = folder
    this.dataDir = join(folder, 'data')
    this.ports = ports
    this.args = args
    this.#preload = preload
  }

  /** Prepares folder, ports and configuration without starting anything; `preload` is run in the process first. */
  static async prepare(options: {
    lab: boolean
    settings?: Record<string, Record<string, unknown>>
    preload?: URL
  }): Promise<Box> {
    const folder = mkdtempSync(join(tmpdir(), 'branchline-box-'))
    const ports = {
      udp: await freePort(),
      tcp: await freePort(),
      tls: await freePort(),
      https: await freePort(),
      http: await freePort(),
    }
    const settings: Record<string, unknown> = {
      ...options.settings,
      sip: { udpPort: ports.udp, tcpPort: ports.tcp, tlsPort: ports.tls, ...options.settings?.['sip'] },
      page: { httpsPort: ports.https, httpPort: ports.http, ...options.settings?.['page'] },
    }
    const args = [
      '--listen',
      '127.0.0.1',
      '--config',
      join(folder, 'config.json'),
      '--data',
      join(folder, 'data'),
    ]
    if (options.lab) args.push('--lab', '--lab-port', String(await freePort()))
    const preload = options.preload === undefined ? [] : [`--import=${options.preload.href}`]
    const box = new Box(folder, ports, args, preload)
    box.writeConfig(JSON.stringify(settings, null, 2))
    return box
  }

  /** The file given with --config. */
  get configFile(): string {
    return join(this.folder, 'config.json')
  }

  /** Replaces the configuration file; read at the next start. */
  writeConfig(text: string): void {
    writeFileSync(this.configFile, text)
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Everything the process printed (its end, if long). */
  get output(): string {
    return this.#output
  }

  /** What it printed since its latest launch. */
  get said(): string {
    return this.#output.slice(this.#outputBefore)
  }

  /** Starts the process and waits until health says that every part is up. */
  async start(limitMs = 180_000): Promise<this> {
    this.launch()
    await this.waitForHealth((health) => health.state === 'ok', limitMs)
    return this
  }

  /** Starts the process and waits for nothing; `environment` is added to the test's own. */
  launch(environment: Record<string, string> = {}): void {
    const child = this.#spawn(this.args, environment)
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', (code) => resolve(code)))
    this.#outputBefore = this.#output.length
    const keep = (chunk: Buffer): void => {
      const grown = this.#output + chunk.toString()
      this.#output = grown.slice(-400_000)
      this.#outputBefore = Math.max(0, this.#outputBefore - (grown.length - this.#output.length))
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
  }

  /** Runs the program beside the box, with its arguments and more, until it ends by itself. */
  async run(...more: string[]): Promise<{ code: number | null; output: string }> {
    const child = this.#spawn([...this.args, ...more], {})
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
  }

  /** Resolves with the exit code once the process is gone; null when a signal ended it. */
  get ended(): Promise<number | null> {
    return this.#ended
  }

  /** Sends a signal and waits for nothing. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  async waitForHealth(wanted: (health: Health) => boolean, limitMs: number): Promise<Health> {
    const deadline = performance.now() + limitMs
    let last = 'no answer'
    for (;;) {
      if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the box ended (${this.#child?.exitCode}):\n${this.#output.slice(-6000)}`)
      try {
        this.caPem = (await ask(`http://127.0.0.1:${this.ports.http}/ca.pem`)).text
        const health = (await this.ask('/api/health')).json<Health>()
        if (wanted(health)) return health
        last = JSON.stringify(health)
      } catch (error) {
        last = String(error)
      }
      if (performance.now() > deadline)
        throw new Error(`the box is not ready: ${last}\n${this.#output.slice(-6000)}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** A request to the API with the admin's session. */
  ask(
    path: string,
    options: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const origin = `https://127.0.0.1:${this.ports.https}`
    return ask(`${origin}${path}`, {
      ...options,
      headers: {
        origin,
        ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
        ...options.headers,
      },
      caPem: this.caPem,
    })
  }

  /** Like `ask`, but throws what the box said when the status is not 2xx. */
  async json<T>(
    path: string,
    options: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<T> {
    const reply = await this.ask(path, options)
    if (reply.status < 200 || reply.status > 299) throw new Error(`${path}: ${reply.status} ${reply.text}`)
    return reply.text === '' ? (undefined as T) : reply.json<T>()
  }

  /** The claim code that the box prints: its last word at the start, when health says for a while that all is well. */
  async claimCode(): Promise<string> {
    const latest = (): string | undefined => [...this.said.matchAll(/Claim code: (\d{4}-\d{4})/g)].at(-1)?.[1]
    await until(() => latest() !== undefined)
    return latest() as string
  }

  /** Claims the box with the code that it printed, or logs in when it has an owner. */
  async logIn(): Promise<void> {
    const session = (await this.ask('/api/session')).json<{ claimed: boolean }>()
    const reply = session.claimed
      ? await this.ask('/api/login', { body: { password: adminPassword } })
      : await this.ask('/api/claim', { body: { code: await this.claimCode(), password: adminPassword } })
    if (reply.status >= 300) throw new Error(`cannot log in: ${reply.status} ${reply.text}`)
    const cookies = ([] as string[]).concat(reply.headers['set-cookie'] ?? [])
    this.#cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ')
  }

  /** Stops as systemd does; resolves with the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  /** The process is gone at once, as after a crash. */
  kill(): Promise<number | null> {
    return this.#end('SIGKILL')
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #spawn(args: string[], environment: Record<string, string>): ChildProcessByStdio<null, Readable, Readable> {
    // By way of env, because the test runner puts its own preload into NODE_OPTIONS of whatever is started.
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    const program = [process.execPath, ...nodeFlags(), ...this.#preload, join(root, 'src/main.ts')]
    return spawn('env', ['-u', 'NODE_OPTIONS', ...variables, ...program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    this.signal(signal)
    return this.ended
  }
}
