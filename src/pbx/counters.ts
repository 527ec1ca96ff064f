/** Everything the call side counts; each refusal has its own name, so that a test and the page can tell them apart. */
export const counterNames = [
  'registersAccepted',
  'registersRefused',
  'bindingsExpired',
  'flowsLost',
  'authChallenged',
  'authWrongPassword',
  'authUnknownLine',
  'authStaleNonce',
  'authForgedNonce',
  'authReplay',
  'authMalformed',
  'authAlgorithmOff',
  'authOtherLine',
  'authOtherUri',
  'deviceOffBoarded',
  'invitesReceived',
  'callsAnswered',
  'callsRefused',
  'callsFailed',
  'callsCancelled',
  'sdpMissing',
  'sdpUnusable',
  'rtpForeignSource',
  'rtpBadTag',
  'rtpReplayed',
  'rtpMalformed',
  'lateAnswers',
  'inDialogRefused',
  'optionsReceived',
  'optionsSent',
  'optionsFailed',
  'requestsRefused',
  'handlerFailed',
  'storeFailed',
] as const

export type CounterName = (typeof counterNames)[number]

/** Counts since start; read by health, by the page and by tests. */
export class Counters {
  readonly #values = new Map<CounterName, number>(counterNames.map((name) => [name, 0]))

  add(name: CounterName, count = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + count)
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(this.#values)
  }
}
