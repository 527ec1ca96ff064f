import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readWav, writeToneWav, type Audio } from './audio.ts'
import { freePort } from './free-port.ts'

export interface BaresipOptions {
  username: string
  password: string
  /** host:port of the box. */
  server: string
  transport?: 'udp' | 'tcp' | 'tls'
  /** `srtp` = offered and accepted by SDES. */
  mediaEncryption?: 'srtp' | 'srtp-mand'
  /** Frequency of the tone that this phone speaks. */
  toneHz: number
  answer?: 'auto' | 'manual'
  /** PEM file to check the server by (TLS). */
  caFile?: string
  /** 0 = do not register. */
  registerS?: number
  /** Proxies to register through, one flow each (RFC 5626), as SIP URIs. */
  outbound?: string[]
  /** True: the log holds every SIP message. */
  sipTrace?: boolean
}

/** One event of baresip's ctrl_tcp, for example CALL_ESTABLISHED or REGISTER_OK. */
export interface BaresipEvent {
  type: string
  param: string
  id: string | undefined
  peeruri: string | undefined
}

/** A real phone: Debian's baresip in its own folder, driven over ctrl_tcp; speaks a tone, records what it hears. */
export class Baresip {
  readonly events: BaresipEvent[] = []
  readonly folder: string
  sipPort = 0
  readonly options: BaresipOptions
  #child: ChildProcess | undefined
  #control: Socket | undefined
  #buffer = Buffer.alloc(0)
  #log = ''
  #token = 0
  readonly #answers = new Map<string, (data: string) => void>()
  readonly #waiting = new Set<() => void>()

  constructor(options: BaresipOptions) {
    this.options = options
    this.folder = mkdtempSync(join(tmpdir(), 'baresip-'))
  }

  async start(): Promise<this> {
    const controlPort = await freePort()
    const sipPort = await freePort()
    this.sipPort = sipPort
    const { username, password, server, toneHz } = this.options
    const transport = this.options.transport ?? 'udp'
    const wav = join(this.folder, 'tone.wav')
    const recordings = join(this.folder, 'heard')
    writeToneWav(wav, toneHz, 120)
    mkdirSync(recordings)
    const modules = ['account', 'g711', 'aufile', 'aubridge', 'sndfile', 'srtp', 'menu', 'ctrl_tcp']
    const config = [
      'module_path /usr/lib/baresip/modules',
      // Without it there is no instance id, and without that no outbound.
      ...(this.options.outbound ? ['module_tmp uuid.so'] : []),
      ...modules.map(
        (name) => `${['account', 'menu', 'ctrl_tcp'].includes(name) ? 'module_app' : 'module'} ${name}.so`,
      ),
      `sip_listen 127.0.0.1:${sipPort}`,
      'net_interface 127.0.0.1',
      `audio_source aufile,${wav}`,
      'audio_player aubridge,nil',
      'audio_alert aubridge,nil',
      'ausrc_srate 8000',
      'auplay_srate 8000',
      'audio_channels 1',
      'audio_buffer 20-160',
      'rtp_ports 30000-39999',
      'jitter_buffer_delay 1-20',
      `snd_path ${recordings}`,
      `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
      'call_local_timeout 120',
      'call_max_calls 4',
      ...(this.options.caFile ? [`sip_cafile ${this.options.caFile}`, 'sip_verify_server yes'] : []),
    ]
    const account = [
      `"${username}" <sip:${username}@${server};transport=${transport}>`,
      `auth_user=${username}`,
      `auth_pass=${password}`,
      'audio_codecs=PCMA/8000/1,PCMU/8000/1',
      `answermode=${this.options.answer ?? 'manual'}`,
      `regint=${this.options.registerS ?? 120}`,
      'ptime=20',
      ...(this.options.outbound ?? []).map(
        (uri, index) => `outbound${index === 0 ? '' : index + 1}="${uri}"`,
      ),
      ...(this.options.outbound ? ['sipnat=outbound'] : []),
      ...(this.options.mediaEncryption ? [`mediaenc=${this.options.mediaEncryption}`] : []),
    ]
    writeFileSync(join(this.folder, 'config'), `${config.join('\n')}\n`)
    writeFileSync(join(this.folder, 'accounts'), `${account.join(';')}\n`)
    const trace = this.options.sipTrace ? ['-s'] : []
    this.#child = spawn('baresip', ['-f', this.folder, '-v', ...trace], { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-60_000)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#control = await this.#connect(controlPort)
    return this
  }

  /** What baresip printed; for failure messages. */
  get log(): string {
    return this.#log
  }

  /** Runs one command of baresip's menu (dial, accept, hangup, hold, resume …) and returns its output. */
  command(command: string, params = ''): Promise<string> {
    const token = String(++this.#token)
    const text = JSON.stringify({ command, params, token })
    return new Promise((resolve) => {
      this.#answers.set(token, resolve)
      this.#control?.write(`${Buffer.byteLength(text)}:${text},`)
    })
  }

  dial(target: string): Promise<string> {
    const host = this.options.server
    const transport = this.options.transport ?? 'udp'
    return this.command(
      'dial',
      target.startsWith('sip:') ? target : `sip:${target}@${host};transport=${transport}`,
    )
  }

  /** Resolves once a REGISTER was answered 200; read from the log, because it may be faster than ctrl_tcp. */
  async waitForRegistration(limitMs = 30_000): Promise<void> {
    const deadline = performance.now() + limitMs
    while (!/200 OK .*\[\d+ bindings?\]/.test(this.#log)) {
      if (performance.now() > deadline)
        throw new Error(`${this.options.username} is not registered:\n${this.#log}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Resolves with the first event of this type after `fromIndex`; rejects with baresip's log after `limitMs`. */
  async waitFor(type: string, limitMs = 30_000, fromIndex = 0): Promise<BaresipEvent> {
    const deadline = performance.now() + limitMs
    for (;;) {
      const found = this.events.slice(fromIndex).find((event) => event.type === type)
      if (found) return found
      const left = deadline - performance.now()
      if (left <= 0) {
        const seen = this.events.map((event) => `${event.type} ${event.param}`).join(', ')
        throw new Error(
          `${this.options.username}: no ${type} within ${limitMs} ms; saw: ${seen}\n${this.#log.slice(-6000)}`,
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left)
        const waiting = this.#waiting
        function done(): void {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        waiting.add(done)
      })
    }
  }

  /** What the phone heard in its latest call. Complete only after the call ended. */
  heard(): Audio {
    const folder = join(this.folder, 'heard')
    const files = readdirSync(folder)
      .filter((name) => name.endsWith('-dec.wav'))
      .sort()
    const last = files.at(-1)
    return last ? readWav(join(folder, last)) : { rateHz: 8000, samples: new Int16Array(0) }
  }

  /** Ends the phone; `kill` without unregistering. */
  async stop(kill = false): Promise<void> {
    const child = this.#child
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
      child.kill(kill ? 'SIGKILL' : 'SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 3000)
      await gone
      clearTimeout(force)
    }
    this.#control?.destroy()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #connect(port: number): Promise<Socket> {
    for (let tries = 0; ; tries++) {
      const socket = connect(port, '127.0.0.1')
      const ok = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true))
        socket.once('error', () => resolve(false))
      })
      if (ok) {
        socket.on('data', (chunk: Buffer) => this.#onData(chunk))
        socket.on('error', () => undefined)
        return socket
      }
      if (tries > 600) throw new Error(`baresip did not start:\n${this.#log}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  #onData(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk])
    for (;;) {
      const colon = this.#buffer.indexOf(':')
      if (colon < 0) return
      const length = Number(this.#buffer.toString('latin1', 0, colon))
      if (this.#buffer.length < colon + 1 + length + 1) return
      const text = this.#buffer.toString('utf8', colon + 1, colon + 1 + length)
      this.#buffer = this.#buffer.subarray(colon + 1 + length + 1)
      const message = JSON.parse(text) as Record<string, string | boolean | undefined>
      if (message['response'] === true) {
        const token = String(message['token'])
        this.#answers.get(token)?.(String(message['data'] ?? ''))
        this.#answers.delete(token)
      } else {
        this.events.push({
          type: String(message['type']),
          param: String(message['param'] ?? ''),
          id: message['id'] as string | undefined,
          peeruri: message['peeruri'] as string | undefined,
        })
      }
      for (const wake of [...this.#waiting]) wake()
    }
  }
}
