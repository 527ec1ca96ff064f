import type { Clock, Timer } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Logger } from '#src/base/logger.ts'
import { edit, newEditor, type EditorState } from './line-editor.ts'
import { promptOf, stepMenu } from './menu.ts'
import type { MenuEffect, MenuInput, MenuState, Screen, Task } from './menu-state.ts'
import { Output } from './output.ts'
import type { PasswordGate } from './password-gate.ts'
import type { ByteStream, ConsoleBox } from './ports.ts'
import { bannerScreen, claimScreen, helpScreen, logScreen, menuScreen } from './screens.ts'
import { networkScreen, statusScreen } from './screens.ts'
import { toAscii, wrap } from './text.ts'

/** Nobody typed for so long: the console goes back to its start. */
const idleMs = 5 * 60_000
/** The line must be silent for so long before what comes counts as typed again. */
const quietMs = 500
const logLines = 200

/** What a session on one line needs. */
export interface SessionNeeds {
  stream: ByteStream
  box: ConsoleBox
  gate: PasswordGate
  clock: Clock
  logger: Logger
}

/** One line and the person at it: feeds the pure editor and menu, and does what they ask for. */
export class Session {
  readonly #needs: SessionNeeds
  readonly #output: Output
  #editor: EditorState = newEditor(false)
  #state: MenuState = { at: 'banner' }
  #idle: Timer | undefined
  #quiet: Timer | undefined
  #ended = false

  constructor(needs: SessionNeeds) {
    this.#needs = needs
    this.#output = new Output(needs.stream, needs.clock)
  }

  /** Serves the line until it ends or `signal` aborts; resolves with the reason, never rejects. */
  async run(signal: AbortSignal): Promise<string> {
    const { stream, box } = this.#needs
    const stopListening = box.network.events.on('trialEnded', ({ text }) =>
      this.#input({ kind: 'trialEnded', text }),
    )
    let stop = (): void => undefined
    const reason = await new Promise<string | undefined>((resolve) => {
      stop = () => resolve(undefined)
      signal.addEventListener('abort', stop, { once: true })
      if (signal.aborted) stop()
      stream.onEnd(resolve)
      stream.onBytes((bytes) => this.#onBytes(bytes))
      this.#input({ kind: 'idle' })
      this.#setIdle()
    })
    this.#ended = true
    signal.removeEventListener('abort', stop)
    stopListening()
    this.#idle?.cancel()
    this.#quiet?.cancel()
    await this.#output.end(reason === undefined ? '\nThe box is stopping.\n' : '')
    await stream.close()
    return reason ?? 'the box stops'
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#setIdle()
    let rest = bytes
    while (rest.length > 0) {
      const { state, echo, keyed, used } = edit(this.#editor, rest)
      this.#editor = state
      // Nothing is shown of what is typed while the box is at something: there is no prompt for it.
      if (this.#state.at !== 'busy') this.#output.write(echo)
      if (keyed) this.#input(keyed)
      rest = rest.subarray(used)
    }
    if (this.#editor.noisy) this.#waitForQuiet()
  }

  #waitForQuiet(): void {
    this.#quiet?.cancel()
    this.#quiet = this.#needs.clock.setTimer(quietMs, () => {
      this.#editor = newEditor(this.#editor.secret)
      this.#input({ kind: 'noise' })
    })
  }

  #setIdle(): void {
    this.#idle?.cancel()
    this.#idle = this.#needs.clock.setTimer(idleMs, () => {
      if (this.#state.at !== 'banner') this.#input({ kind: 'idle' })
      this.#setIdle()
    })
  }

  #input(input: MenuInput): void {
    if (this.#ended) return
    const { box } = this.#needs
    const { state, effects } = stepMenu(this.#state, input, {
      owner: box.owner.state().is,
      passwordWanted: box.owner.passwordWanted(),
      ownsMachine: box.power.ownsMachine,
    })
    const changed = state !== this.#state || effects.length > 0
    this.#state = state
    for (const effect of effects) this.#act(effect)
    if (changed) this.#prompt()
  }

  #prompt(): void {
    const prompt = promptOf(this.#state)
    if (!prompt) return
    // A new prompt is a new line to edit; noise that goes on is still noise.
    if (!this.#editor.noisy) this.#editor = { ...newEditor(prompt.secret), afterCr: this.#editor.afterCr }
    this.#output.write(toAscii(prompt.text))
  }

  #act(effect: MenuEffect): void {
    switch (effect.kind) {
      case 'say':
        this.#output.write(
          effect.lines
            .flatMap((line) => wrap(line))
            .map((line) => `${line}\n`)
            .join(''),
        )
        return
      case 'show':
        this.#answer(this.#show(effect.screen))
        return
      case 'checkPassword':
        this.#answer(this.#checkPassword(effect.password))
        return
      case 'run':
        this.#answer(this.#run(effect.task))
        return
      case 'startTrial':
        this.#answer(this.#startTrial(effect))
    }
  }

  /** Every wait ends in an input: what failed says so, and the menu goes on. */
  #answer(work: Promise<MenuInput>): void {
    void work
      .catch((error: unknown): MenuInput => {
        this.#needs.logger.warn({ err: error }, 'the console could not do what was asked')
        return { kind: 'failed', text: errorText(error) }
      })
      .then((input) => this.#input(input))
  }

  async #show(screen: Screen): Promise<MenuInput> {
    const { box } = this.#needs
    const status = box.status()
    const menu: MenuState = { at: 'menu' }
    const toMenu = (lines: readonly string[]): MenuInput => ({ kind: 'page', lines, then: menu })
    if (screen === 'menu') return toMenu(menuScreen(status))
    if (screen === 'help') return toMenu(helpScreen)
    if (screen === 'log') return toMenu(logScreen(box.log(), logLines))
    const view = await box.network.view()
    const owner = box.owner.state()
    switch (screen) {
      case 'banner':
        return { kind: 'page', lines: bannerScreen(status, view.system, owner), then: { at: 'banner' } }
      case 'status':
        return toMenu(statusScreen(status, view.system))
      case 'claim':
        return toMenu(claimScreen(owner, status, view.system))
      case 'network':
        return { kind: 'page', lines: networkScreen(view), then: { at: 'network', view } }
    }
  }

  async #checkPassword(password: string): Promise<MenuInput> {
    const { box, gate, logger } = this.#needs
    if (await gate.try(() => box.owner.isPassword(password))) return { kind: 'passwordRight' }
    logger.warn({}, 'a wrong admin password on the console')
    return { kind: 'failed', text: 'The password is wrong.' }
  }

  async #run(task: Task): Promise<MenuInput> {
    const { box, logger } = this.#needs
    const done = (text: string): MenuInput => ({ kind: 'done', text, leaving: false })
    const leaving = (text: string): MenuInput => ({ kind: 'done', text, leaving: true })
    logger.warn({ task }, 'asked for on the console')
    switch (task) {
      case 'resetAdmin':
        box.owner.reset()
        return done('The password is forgotten. 2 Claim code shows the new code.')
      case 'restart':
        await box.power.restart()
        return leaving('The program restarts now. The console comes back in some seconds.')
      case 'reboot':
        await box.power.reboot()
        return leaving('The machine reboots now. The console comes back when it is up.')
      case 'factoryReset':
        await box.power.factoryReset()
        return leaving('Everything is being erased; the box then starts as new.')
      case 'keepTrial':
        await box.network.confirm({ by: 'console' })
        return done('The new network settings are kept.')
      case 'takeTrialBack':
        await box.network.rollBack()
        return done('The network settings from before are back.')
    }
  }

  async #startTrial({ configuration }: MenuEffect & { kind: 'startTrial' }): Promise<MenuInput> {
    const { trial } = await this.#needs.box.network.startTrial(configuration, 'console')
    return { kind: 'trialStarted', seconds: trial.secondsLeft }
  }
}
