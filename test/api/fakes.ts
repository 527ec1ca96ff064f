import { EventSource } from '#src/base/events.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { NetworkControl, NetworkView } from '#src/host/network/ports.ts'
import type { LiveCall } from '#src/model/call-record.ts'
import type { SettingsService } from '#src/api/ports.ts'
import type {
  Pbx,
  PbxEvents,
  PendingSignIn,
  SignInEvents,
  SignInPort,
  SignInStatus,
  TrunkHealth,
} from '#src/pbx/ports.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

/** A call side whose calls a test starts and ends by hand. */
export class FakePbx extends EventSource<PbxEvents> implements Pbx {
  readonly live = new Map<string, LiveCall>()
  readonly hungUp: string[] = []
  readonly notified: string[] = []
  /** Ports of phones whose connections are open. */
  readonly openPorts = new Set<number>()
  trunkList: TrunkHealth[] = [
    {
      name: 'teams',
      state: 'degraded',
      hosts: [
        { name: 'sip.lab.example', up: true, lastOkAtMs: 1_700_000_000_000, lastError: undefined },
        { name: 'sip2.lab.example', up: false, lastOkAtMs: undefined, lastError: 'connection refused' },
      ],
    },
  ]

  constructor() {
    super(new MemoryLogger())
  }

  liveCalls(): LiveCall[] {
    return [...this.live.values()]
  }

  hangUp(callId: string): boolean {
    if (!this.live.has(callId)) return false
    this.hungUp.push(callId)
    return true
  }

  trunks(): TrunkHealth[] {
    return this.trunkList
  }

  counters(): Record<string, number> {
    return {}
  }

  flowOpen({ protocol, port }: { protocol: string; port: number }): boolean | undefined {
    return protocol === 'udp' ? undefined : this.openPorts.has(port)
  }

  notify(username: string, { event }: { event: string }): Promise<{ contacts: number; answered: number }> {
    this.notified.push(`${username} ${event}`)
    return Promise.resolve({ contacts: 1, answered: 1 })
  }

  drain(): Promise<void> {
    return Promise.resolve()
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** Puts a call on and tells of it. */
  start(call: LiveCall): void {
    this.live.set(call.id, call)
    this.emit('callStarted', call)
  }
}

/** A sign-in side that waits for the test to enter the code. */
export class FakeSignIn extends EventSource<SignInEvents> implements SignInPort {
  readonly statuses = new Map<string, SignInStatus>()
  readonly actions: string[] = []
  unreachable = false
  pending: PendingSignIn = {
    userCode: 'ABCD-EFGH',
    verificationUri: 'https://login.example/device',
    expiresAtMs: 1_700_000_900_000,
  }

  constructor() {
    super(new MemoryLogger())
  }

  begin(lineId: string, actor: string): Promise<PendingSignIn> {
    if (this.unreachable) {
      return Promise.reject(
        new ApplianceError('TENANT_UNREACHABLE', {}, { advice: 'Check the internet connection.' }),
      )
    }
    this.actions.push(`begin ${lineId} ${actor}`)
    this.statuses.set(lineId, { state: 'awaitingUser', ...this.pending })
    return Promise.resolve(this.pending)
  }

  status(lineId: string): SignInStatus | undefined {
    return this.statuses.get(lineId)
  }

  cancel(lineId: string): void {
    this.actions.push(`cancel ${lineId}`)
    this.statuses.delete(lineId)
  }

  signOut(lineId: string, actor: string): Promise<boolean> {
    this.actions.push(`signOut ${lineId} ${actor}`)
    return Promise.resolve(this.statuses.delete(lineId))
  }
}

/** Settings in memory: etag counts up, a port above 65535 is refused, everything under sip waits for a restart. */
export class FakeSettings implements SettingsService {
  document: Record<string, unknown> = {}
  version = 1
  pendingRestart: string[] = []
  problems: { field: string; text: string }[] = []

  read(): ReturnType<SettingsService['read']> {
    const effective = {
      stopGraceS: 20,
      site: { country: 'DE', ntpServers: ['127.0.0.1'] },
      sip: { udpPort: 5060 },
      ...this.document,
    }
    const { pendingRestart, problems } = this
    return { document: this.document, effective, etag: `v${this.version}`, pendingRestart, problems }
  }

  change(patch: Record<string, unknown>, ifMatch: string): ReturnType<SettingsService['change']> {
    if (ifMatch !== `v${this.version}`) return Promise.reject(new ApplianceError('CONFLICT'))
    const sip = patch.sip as { udpPort?: number } | undefined
    if ((sip?.udpPort ?? 0) > 65535) {
      return Promise.reject(
        new ApplianceError('CONFIG_INVALID', { field: 'sip.udpPort' }, { text: 'The port is too large.' }),
      )
    }
    this.document = { ...this.document, ...patch }
    this.version++
    this.problems = []
    if (sip) this.pendingRestart = ['sip.udpPort']
    const { pendingRestart } = this
    return Promise.resolve({ etag: `v${this.version}`, applied: Object.keys(patch), pendingRestart })
  }
}

/** A network that is only shown: one wired interface with 192.0.2.10, no gateway; `change` says what is different. */
export function fakeNetwork(change: Partial<NetworkView> = {}): NetworkControl {
  const view: NetworkView = {
    supported: false,
    system: {
      interfaces: [
        {
          name: 'eth0',
          mac: '02:00:00:00:00:01',
          link: 'up',
          physical: true,
          addresses: [{ address: '192.0.2.10', prefixLength: 24, family: 4 }],
        },
      ],
      gateways: [],
      dns: ['192.0.2.53'],
    },
    configured: undefined,
    trial: undefined,
    lastFailure: undefined,
    ...change,
  }
  const unsupported = (): never => {
    throw new ApplianceError('HOST_UNSUPPORTED')
  }
  return {
    view: async () => view,
    startTrial: async () => unsupported(),
    confirm: unsupported,
    isTrialToken: () => false,
    rollBack: async () => unsupported(),
  }
}
