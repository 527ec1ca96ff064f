import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { SerialPort } from 'serialport'
import { until } from '#test/support/until.ts'

/** A real pty pair made by socat: the box opens `near` like a serial port, the test sits at the other end. */
export class PtyPair {
  readonly near: string
  readonly #far: string
  #socat: ChildProcess | undefined
  #port: SerialPort | undefined
  #text = ''
  #seen = 0

  constructor(link: string) {
    this.near = link
    this.#far = `${link}-far`
  }

  /** Plugs the cable in. */
  async plug(): Promise<this> {
    const end = (link: string): string => `pty,raw,echo=0,link=${link}`
    const socat = spawn('socat', [end(this.near), end(this.#far)], { stdio: 'ignore' })
    this.#socat = socat
    await until(() => existsSync(this.near) && existsSync(this.#far))
    const port = new SerialPort({ path: this.#far, baudRate: 115_200, autoOpen: false })
    port.on('data', (bytes: Buffer) => (this.#text += bytes.toString('latin1')))
    port.on('error', () => undefined)
    await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())))
    this.#port = port
    return this
  }

  /** Pulls the cable: both ends are gone at once. */
  async pull(): Promise<void> {
    const socat = this.#socat
    const port = this.#port
    this.#port = undefined
    if (port?.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()))
    if (!socat || socat.exitCode !== null) return
    const gone = new Promise<void>((resolve) => socat.once('close', () => resolve()))
    socat.kill('SIGKILL')
    await gone
    this.#socat = undefined
    for (const link of [this.near, this.#far]) rmSync(link, { force: true })
  }

  /** The cable holds back what is on it until `release`: a far end that is slow to read. */
  hold(): void {
    this.#socat?.kill('SIGSTOP')
  }

  /** The cable carries again what it held back. */
  release(): void {
    this.#socat?.kill('SIGCONT')
  }

  /** From now on the terminal takes nothing any more. */
  stopReading(): void {
    this.#port?.pause()
  }

  /** Everything that came so far, as the terminal got it. */
  get text(): string {
    return this.#text
  }

  /** Writes bytes and resolves once the pty has taken them. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#port
        ? this.#port.write(Buffer.from(bytes as string), (error) => (error ? reject(error) : resolve()))
        : reject(new Error('the cable is not plugged in')),
    )
  }

  /** Types a line and waits for what must come after it. */
  async type(line: string, wanted: RegExp, limitMs?: number): Promise<string> {
    this.skip()
    await this.send(`${line}\r`)
    return this.read(wanted, limitMs)
  }

  /** Forgets what came so far: the next `read` looks only at what comes from now on. */
  skip(): void {
    this.#seen = this.#text.length
  }

  /** Waits until `wanted` came since the last `read`; returns everything up to its end. */
  async read(wanted: RegExp, limitMs = 30_000): Promise<string> {
    let match: RegExpExecArray | null = null
    try {
      await until(() => (match = wanted.exec(this.#text.slice(this.#seen))) !== null, limitMs)
    } catch {
      throw new Error(`${wanted} did not come; instead:\n${this.#text.slice(this.#seen).slice(-2_000)}`)
    }
    const found = match as RegExpExecArray | null
    const end = this.#seen + (found?.index ?? 0) + (found?.[0].length ?? 0)
    const text = this.#text.slice(this.#seen, end)
    this.#seen = end
    return text
  }
}
