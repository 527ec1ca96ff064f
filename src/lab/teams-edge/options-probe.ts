import { secondsToMs } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import { parseUri } from '#src/sip/uri.ts'
import { checkTrunk } from './check-request.ts'
import { boxUri, calledHost, edgeHeaders, type EdgeContext } from './edge-context.ts'
import type { EdgeReply, EdgeRequest } from './edge-sip.ts'
import { trunkRequest } from './incoming-calls.ts'

/** Each proxy and each trunk probe once a minute; a trunk unheard for three of them is not probed any more. */
const intervalMs = secondsToMs(60)
const heardWithinMs = 3 * intervalMs

/** Answers the box's OPTIONS, and sends its own to the box for each host that the box keeps asking. */
export class OptionsProbe {
  readonly #context: EdgeContext
  /** Host to the monotonic time of the box's latest OPTIONS to it. */
  readonly #heardAtMs = new Map<string, number>()
  readonly #states = new Map<string, string>()

  constructor(context: EdgeContext) {
    this.#context = context
  }

  /** Hosts that the box has asked lately. */
  get activeHosts(): string[] {
    const sinceMs = this.#context.clock.monotonicMs() - heardWithinMs
    return [...this.#heardAtMs].filter(([, atMs]) => atMs >= sinceMs).map(([host]) => host)
  }

  answer(request: EdgeRequest, reply: EdgeReply): void {
    const refusal = checkTrunk(trunkRequest(request), this.#context.trunkFqdn)
    if (refusal) {
      this.#context.logger.warn({ explanation: refusal.explanation }, 'OPTIONS refused')
      reply.send(refusal.status, refusal.reason, {})
      return
    }
    const host = calledHost(this.#context, parseUri(request.uri)?.host)
    const isNew = !this.activeHosts.includes(host)
    this.#heardAtMs.set(host, this.#context.clock.monotonicMs())
    reply.send(200, 'OK', { headers: edgeHeaders(this.#context, host) })
    // Microsoft probes back as soon as it has seen the trunk.
    if (isNew) this.#context.lifetime.run(`options from ${host}`, (signal) => this.#loop(host, signal))
  }

  async #loop(host: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.activeHosts.includes(host)) {
      await this.#probe(host)
      await this.#context.clock.sleep(intervalMs, signal)
    }
  }

  async #probe(host: string): Promise<void> {
    const uri = boxUri(this.#context, undefined)
    if (uri === undefined) return
    const headers = { ...edgeHeaders(this.#context, host), From: `<sip:${host}>`, To: `<${uri}>` }
    let state: string
    try {
      state = `answers ${await this.#context.sip.request(uri, { method: 'OPTIONS', headers })}`
    } catch (error) {
      state = `cannot be reached: ${errorText(error)}`
    }
    if (this.#states.get(host) === state) return
    this.#states.set(host, state)
    this.#context.logger.info({ host, state }, 'the trunk of the box was probed')
  }
}
