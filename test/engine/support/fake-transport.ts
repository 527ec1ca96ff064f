import type { SipMessage } from '#src/sip/message.ts'
import type {
  Flow,
  ListenerAddress,
  Target,
  TransportLayer,
  TransportProtocol,
} from '#src/engine/transport/transport-port.ts'
import type { Clock } from '#src/base/clock.ts'

/** A flow that goes nowhere. */
export function fakeFlow(protocol: TransportProtocol = 'udp', remotePort = 5070): Flow {
  return {
    id: 1,
    protocol,
    localHost: '192.0.2.1',
    localPort: 5060,
    advertisedHost: '192.0.2.1',
    advertisedPort: 5060,
    remoteHost: '192.0.2.2',
    remotePort,
    peerNames: [],
    closed: false,
  }
}

/** Notes what is sent and when; connects or fails as it is told. */
export class FakeTransport implements TransportLayer {
  readonly sent: { atMs: number; message: SipMessage; flow: Flow }[] = []
  readonly listeners: readonly ListenerAddress[] = []
  /** Ports that refuse. */
  readonly refused = new Set<number>()
  readonly #clock: Clock
  failSend = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async connect(target: Target): Promise<Flow> {
    if (this.refused.has(target.port)) throw new Error('refused')
    return fakeFlow(target.protocol, target.port)
  }

  connectLarge(): undefined {
    return undefined
  }

  livingFirst(targets: readonly Target[]): readonly Target[] {
    return targets
  }

  noteFailed(): void {}
  noteUnanswered(): void {}

  findFlow(): Flow | undefined {
    return undefined
  }

  send(message: SipMessage, flow: Flow, onError: (error: Error) => void): number {
    this.sent.push({ atMs: this.#clock.monotonicMs(), message, flow })
    if (this.failSend) onError(new Error('unreachable'))
    return 100
  }

  /** What was sent, as `ms method` or `ms status`. */
  log(): string[] {
    return this.sent.map(
      ({ atMs, message }) => `${atMs} ${message.kind === 'request' ? message.method : message.status}`,
    )
  }
}
