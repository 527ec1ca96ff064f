import type { SipResponse } from '#src/sip/message.ts'
import type { MessageMeta } from '../dialog/application.ts'
import type { BranchTarget } from './branch.ts'
import type { ChallengePins } from './challenge-pins.ts'
import type { ProxyObserver } from './proxied-request.ts'
import type { ProxyCommand, ProxyingApplication } from './proxy-command.ts'

/** Tells an application how the proxying that it asked for goes. */
export class ApplicationObserver implements ProxyObserver {
  readonly #application: ProxyingApplication
  readonly #command: ProxyCommand
  readonly #pins: ChallengePins

  constructor(application: ProxyingApplication, command: ProxyCommand, pins: ChallengePins) {
    this.#application = application
    this.#command = command
    this.#pins = pins
  }

  onFinal(response: SipResponse, meta: MessageMeta, target: BranchTarget): void {
    if (response.status === 401 || response.status === 407) this.#pins.note(response, target.uri)
    if (this.#command.fullResponse) this.#application.proxied(this.#command.commandId, meta, response)
  }

  onDone(): void {
    this.#application.proxyDone(this.#command.commandId)
  }
}
