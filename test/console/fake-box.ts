import { EventSource } from '#src/base/events.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { silentLogger } from '#src/base/logger.ts'
import type { ByteStream, ConsoleBox, ConsoleStatus, OwnerState } from '#src/console/ports.ts'
import type { NetworkConfiguration, NetworkTrial, NetworkView, TrialEnd } from '#src/host/network/ports.ts'

/** A box that does what the console asks and writes it down. */
export class FakeBox implements ConsoleBox {
  readonly done: string[] = []
  readonly events = new EventSource<{ trialEnded: TrialEnd }>(silentLogger)
  ownerState: OwnerState = { is: 'claimed' }
  password: string | undefined
  ownsMachine = true
  supported = true
  logLines: string[] = ['a line']
  trial: NetworkTrial | undefined
  /** What fails next, with its sentence. */
  failure: string | undefined
  state: ConsoleStatus['state'] = 'ok'

  status(): ConsoleStatus {
    return {
      ...{ version: '9.9.9', lab: false, state: this.state, uptimeS: 61, liveCalls: 2 },
      parts: [{ name: 'store', state: 'failed', detail: 'Damaged.', advice: 'Mend it.' }],
      ...{ pageAddress: undefined, pagePort: 8443, serials: [{ name: 'Serial number', value: 'BL-1' }] },
    }
  }

  readonly owner = {
    state: () => this.ownerState,
    passwordWanted: () => this.password !== undefined,
    isPassword: async (password: string) => password === this.password,
    reset: () => this.#do('reset'),
  }

  readonly network = {
    events: this.events,
    view: async (): Promise<NetworkView> => ({
      ...{ supported: this.supported, configured: undefined, trial: this.trial, lastFailure: undefined },
      system: {
        interfaces: [
          {
            ...{ name: 'eth0', mac: '02:00:5e:00:53:01', link: 'up', physical: true },
            addresses: [{ address: '192.0.2.7', prefixLength: 24, family: 4 }],
          },
        ],
        gateways: ['192.0.2.1'],
        dns: ['192.0.2.53'],
      },
    }),
    startTrial: async (configuration: NetworkConfiguration) => {
      this.#do(`trial ${JSON.stringify(configuration)}`)
      this.trial = { state: 'onTrial', configuration, secondsLeft: 60 }
      return { trial: this.trial, token: 'token' }
    },
    confirm: async () => this.endTrial('confirm', true),
    isTrialToken: () => false,
    rollBack: async () => this.endTrial('rollBack', false),
  }

  get power() {
    return {
      ownsMachine: this.ownsMachine,
      restart: async () => this.#do('restart'),
      reboot: async () => this.#do('reboot'),
      factoryReset: async () => this.#do('factoryReset'),
    }
  }

  log(): string[] {
    return this.logLines
  }

  /** Ends the trial, as a confirmation, the timer or the page does. */
  endTrial(how: string, kept: boolean): void {
    this.#do(how)
    this.trial = undefined
    this.events.emit('trialEnded', { kept, text: kept ? 'It is kept.' : 'Nobody confirmed.' })
  }

  #do(what: string): void {
    if (this.failure !== undefined) throw new ApplianceError('HOST_FAILED', {}, { text: this.failure })
    this.done.push(what)
  }
}

/** A line without a device: the test types into it and reads what is written. */
export class FakeLine implements ByteStream {
  text = ''
  closed = false
  /** Set: writes wait, as on a line that nobody reads. */
  stuck: Promise<void> | undefined
  #listener: (bytes: Uint8Array) => void = () => undefined
  #end: (reason: string) => void = () => undefined

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener
  }

  onEnd(listener: (reason: string) => void): void {
    this.#end = listener
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.stuck
    this.text += Buffer.from(bytes).toString('latin1')
  }

  async close(): Promise<void> {
    this.closed = true
  }

  /** Types and lets everything that follows happen. */
  async type(bytes: string | Uint8Array): Promise<string> {
    const before = this.text.length
    this.#listener(Buffer.from(bytes as string))
    await settle()
    return this.text.slice(before)
  }

  /** The cable is pulled. */
  pull(reason = 'the line was hung up'): void {
    this.#end(reason)
  }
}

/** Lets promises and their followers run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
}
