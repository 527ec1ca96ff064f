import { networkInterfaces } from 'node:os'
import type { Clock, Timer } from '#src/base/clock.ts'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { EventSource, type Events } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import { unmapIpv4 } from '#src/base/net.ts'
import type { Random } from '#src/base/random.ts'
import type { PartHealth } from '#src/model/health.ts'
import type { NetworkApplier } from '../requests/ports.ts'
import { describeConfiguration, refuseUnusable } from './configuration.ts'
import { trialMs } from './ports.ts'
import type {
  NetworkConfiguration,
  NetworkControl,
  NetworkProof,
  NetworkTrial,
  NetworkView,
} from './ports.ts'
import type { SystemNetwork, TrialEnd } from './ports.ts'
import type { SavedNetwork } from './saved-network.ts'
import { stepTrial, type TrialAction, type TrialInput, type TrialState } from './trial-machine.ts'

/** What the network part needs of the box. */
export interface NetworkNeeds {
  /** Undefined: this machine's network is only shown. */
  applier: NetworkApplier | undefined
  saved: SavedNetwork
  readSystem: () => Promise<SystemNetwork>
  report: (part: PartHealth) => void
  clock: Clock
  random: Random
  logger: Logger
}

/** The host's own default, in force as long as nobody has confirmed anything else. */
const hostDefault: NetworkConfiguration = { mode: 'dhcp' }
const startAgainMs = 30_000
const stopMs = 5_000

/** Drives `trial-machine` with the host, the file and the clock. */
export class NetworkTrials implements NetworkControl {
  readonly #needs: NetworkNeeds
  readonly #events: EventSource<{ trialEnded: TrialEnd }>
  #state: TrialState = { at: 'idle' }
  #timer: Timer | undefined
  #untilMs = 0
  #token: string | undefined
  #lastFailure: string | undefined
  /** Answers whoever waits for `startTrial`. */
  #started: { resolve: () => void; reject: (error: ApplianceError) => void } | undefined
  /** One thing at a time is asked of the host. */
  #work: Promise<void> = Promise.resolve()
  readonly #giveUp = new AbortController()
  #stopped = false

  constructor(needs: NetworkNeeds) {
    this.#needs = needs
    this.#events = new EventSource(needs.logger)
  }

  get events(): Events<{ trialEnded: TrialEnd }> {
    return this.#events
  }

  /** Puts the confirmed configuration into force, until the host takes it: it forgets at each boot. */
  async start(signal: AbortSignal): Promise<void> {
    const { applier, saved, clock, logger } = this.#needs
    this.#reportIdle()
    const wanted = saved.read() ?? (saved.marked ? hostDefault : undefined)
    if (!applier || !wanted) return
    while (!signal.aborted && this.#isIdle()) {
      try {
        await applier.apply(wanted, signal)
        // A trial that began meanwhile has a mark and a state of its own.
        if (!this.#isIdle()) return
        saved.unmark()
        this.#reportIdle()
        return
      } catch (error) {
        if (signal.aborted || !this.#isIdle()) return
        logger.error({ err: error }, 'the network settings are not in force')
        this.#report('degraded', `The network settings are not in force: ${errorText(error)}`, onConsole)
      }
      await clock.sleep(startAgainMs, signal)
    }
  }

  async view(): Promise<NetworkView> {
    const { applier, saved, readSystem } = this.#needs
    return {
      supported: applier !== undefined,
      system: await readSystem(),
      configured: saved.read(),
      trial: this.#trial(),
      lastFailure: this.#lastFailure,
    }
  }

  async startTrial(
    configuration: NetworkConfiguration,
    by: string,
  ): Promise<{ trial: NetworkTrial; token: string }> {
    const { applier, readSystem, random, logger } = this.#needs
    if (!applier)
      throw new ApplianceError(
        'HOST_UNSUPPORTED',
        {},
        { text: 'The network of this machine is set by its own operating system, not by the box.' },
      )
    refuseUnusable(configuration, await readSystem())
    if (this.#state.at !== 'idle' || this.#stopped) throw new ApplianceError('TRIAL_RUNNING')
    logger.warn({ configuration, by }, 'a change of the network is tried')
    const token = random.token(32)
    this.#token = token
    const applied = new Promise<void>((resolve, reject) => (this.#started = { resolve, reject }))
    this.#take({ kind: 'start', configuration })
    await applied
    const trial = this.#trial()
    if (!trial) throw new ApplianceError('TRIAL_NONE')
    return { trial, token }
  }

  async confirm(proof: NetworkProof): Promise<void> {
    const state = this.#state
    if (state.at !== 'onTrial') throw new ApplianceError('TRIAL_NONE')
    if (proof.by === 'page' && !this.#arrivedOver(state.configuration, proof.localAddress))
      throw new ApplianceError('TRIAL_UNPROVEN', { arrivedAt: proof.localAddress })
    // Before it counts as kept: a disk that refuses leaves the trial running, and it is taken back.
    this.#needs.saved.save(state.configuration)
    this.#take({ kind: 'confirm' })
  }

  isTrialToken(token: string): boolean {
    return this.#state.at === 'onTrial' && this.#token === token
  }

  async rollBack(): Promise<void> {
    if (this.#state.at !== 'onTrial' && this.#state.at !== 'applying') throw new ApplianceError('TRIAL_NONE')
    this.#take({ kind: 'rollBack', reason: 'The change was taken back.' })
    await this.#work
  }

  /** Takes a running trial back before the process ends; what the host does not answer in time, the next start does. */
  async stop(): Promise<void> {
    this.#stopped = true
    const limit = this.#needs.clock.setTimer(stopMs, () => this.#giveUp.abort())
    if (this.#state.at === 'onTrial' || this.#state.at === 'applying')
      this.#take({ kind: 'rollBack', reason: 'The box was stopped during the trial.' })
    await this.#work
    limit.cancel()
    this.#timer?.cancel()
  }

  #take(input: TrialInput): void {
    const { state, actions } = stepTrial(this.#state, input)
    this.#state = state
    for (const action of actions) this.#act(action)
  }

  #act(action: TrialAction): void {
    const { saved, clock, applier, logger } = this.#needs
    switch (action.kind) {
      case 'mark':
        if (this.#state.at === 'applying') saved.mark(this.#state.configuration)
        return
      case 'unmark':
        saved.unmark()
        return
      case 'setTimer':
        this.#untilMs = clock.monotonicMs() + action.delayMs
        this.#timer?.cancel()
        if (this.#stopped) return
        this.#timer = clock.setTimer(action.delayMs, () => this.#take({ kind: 'timer' }))
        return
      case 'cancelTimer':
        this.#timer?.cancel()
        return
      case 'apply':
        this.#ask(async () => applier?.apply(action.configuration, this.#giveUp.signal))
        return
      case 'restore':
        this.#settleStart()
        this.#ask(async () => applier?.apply(saved.read() ?? hostDefault, this.#giveUp.signal))
        return
      case 'ended':
        this.#token = undefined
        this.#lastFailure = action.kept ? undefined : action.text
        this.#settleStart()
        this.#reportIdle()
        logger.warn({ configuration: action.configuration, kept: action.kept }, action.text)
        this.#events.emit('trialEnded', { kept: action.kept, text: action.text })
    }
  }

  /** Asks the host in turn and feeds the outcome back, unless the machine has moved on meanwhile. */
  #ask(work: () => Promise<void>): void {
    const askedAt = this.#state.at
    this.#work = this.#work.then(work).then(
      () => {
        if (this.#state.at !== askedAt) return
        this.#take(askedAt === 'applying' ? { kind: 'applied' } : { kind: 'restored' })
        if (this.#state.at === 'onTrial') this.#onTrial(this.#state.configuration)
      },
      (error: unknown) => this.#onFailure(askedAt, error),
    )
  }

  #onTrial(configuration: NetworkConfiguration): void {
    const text = `On trial: ${describeConfiguration(configuration)}. Taken back unless it is confirmed.`
    this.#report('ok', text, undefined)
    this.#started?.resolve()
    this.#started = undefined
  }

  #onFailure(askedAt: TrialState['at'], error: unknown): void {
    const text = errorText(error)
    if (this.#state.at !== askedAt) return
    if (askedAt === 'applying') {
      const touched = !(error instanceof ApplianceError && error.details['untouched'] === true)
      this.#lastFailure = text
      const started = this.#started
      this.#started = undefined
      this.#take({ kind: 'applyFailed', text, touched })
      started?.reject(
        error instanceof ApplianceError ? error : new ApplianceError('HOST_FAILED', {}, { cause: error }),
      )
      return
    }
    this.#needs.logger.error({ err: error }, 'the network settings from before are not back in force')
    this.#report('degraded', `The network settings from before are not back in force: ${text}`, onConsole)
    this.#take({ kind: 'restoreFailed' })
  }

  /** A trial that is taken back while it is still being put into force. */
  #settleStart(): void {
    this.#started?.reject(
      new ApplianceError('TRIAL_NONE', {}, { text: 'The change was taken back meanwhile.' }),
    )
    this.#started = undefined
  }

  #trial(): NetworkTrial | undefined {
    const state = this.#state
    if (state.at === 'idle') return undefined
    const leftMs = this.#untilMs - this.#needs.clock.monotonicMs()
    const secondsLeft =
      state.at === 'onTrial' ? Math.min(trialMs / 1000, Math.max(0, Math.ceil(leftMs / 1000))) : 0
    return { state: state.at, configuration: state.configuration, secondsLeft }
  }

  /** A request over the loopback or over an address from before proves nothing. */
  #arrivedOver(configuration: NetworkConfiguration, localAddress: string): boolean {
    const address = unmapIpv4(localAddress)
    if (configuration.mode === 'static') return address === configuration.address
    return Object.values(networkInterfaces()).some((entries) =>
      entries?.some((entry) => !entry.internal && entry.family === 'IPv4' && entry.address === address),
    )
  }

  #isIdle(): boolean {
    return this.#state.at === 'idle'
  }

  #reportIdle(): void {
    const { applier, saved } = this.#needs
    if (!applier) {
      this.#report('off', 'The network is set by the operating system of this machine.', undefined)
      return
    }
    const configured = saved.read()
    this.#report(
      'ok',
      configured
        ? `${describeConfiguration(configured)}.`
        : 'Address by DHCP, as nobody has set anything else.',
      undefined,
    )
  }

  #report(state: PartHealth['state'], detail: string, advice: string | undefined): void {
    this.#needs.report({ name: 'network', state, detail, advice })
  }
}

const onConsole = 'Check the network settings on the maintenance console, or switch the box off and on.'
