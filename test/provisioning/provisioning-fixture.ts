import { systemRandom } from '#src/base/random.ts'
import { createProvisioning, type ProvisioningNeeds } from '#src/provisioning/create-provisioning.ts'
import type { DeviceAnswer, DeviceRequest, Provisioning } from '#src/provisioning/ports.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import type { Settings } from '#src/model/settings.ts'
import type { Store } from '#src/store/store.ts'
import { FakePbx, FakeSignIn } from '#test/api/fakes.ts'
import { openTestStore, someUser } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

/** Addresses as they stand in the box of these tests. */
export const boxAddress = {
  address: undefined,
  names: ['box.example'],
  httpPort: 8080,
  httpsPort: 8443,
  udpPort: 5060,
  tcpPort: 5060,
  tlsPort: 5061,
  realm: 'branchline',
}

/** The room on a real store and a fake clock, with requests in one line. */
export class TestProvisioning {
  readonly store: Store
  readonly clock = new FakeClock()
  readonly logger = new MemoryLogger()
  readonly pbx = new FakePbx()
  readonly signIn = new FakeSignIn()
  readonly settings: Settings = defaultSettings()
  provisioning: Provisioning
  readonly #change: Partial<ProvisioningNeeds>

  constructor(t: Teardown, change: Partial<ProvisioningNeeds> = {}) {
    this.store = openTestStore(t, { clock: this.clock })
    this.#change = change
    this.provisioning = this.#create()
    t.teardown(() => this.provisioning.stop())
  }

  /** As after a restart of the box: everything in memory is gone. */
  async restart(): Promise<void> {
    await this.provisioning.stop()
    this.provisioning = this.#create()
  }

  /** One GET of a T46S, over plain HTTP from 192.0.2.10 unless said otherwise. */
  ask(
    url: string,
    change: Partial<Omit<DeviceRequest, 'headers'>> & { mac?: string; headers?: Record<string, string> } = {},
  ): Promise<DeviceAnswer | undefined> {
    const { mac, headers, ...request } = change
    const spelled = mac === undefined ? '' : ` ${mac.match(/../g)?.join(':') ?? ''}`
    return this.provisioning.door.answer({
      method: 'GET',
      url,
      headers: { 'user-agent': `Yealink SIP-T46S 66.86.0.15${spelled}`, ...headers },
      secure: false,
      remoteAddress: '192.0.2.10',
      reachedHost: 'box.example',
      localAddress: '192.0.2.1',
      ...request,
    })
  }

  /** The same over HTTPS. */
  askSecure(
    url: string,
    change: Parameters<TestProvisioning['ask']>[1] = {},
  ): Promise<DeviceAnswer | undefined> {
    return this.ask(url, { secure: true, ...change })
  }

  /** Plugs a phone in: path of its own folder with the first token, then with the lasting one. */
  async plugIn(mac: string): Promise<{ first: string; own: string }> {
    const first = ownFolder(await this.ask(`/${mac}.cfg`))
    const own = ownFolder(await this.askSecure(`${first}${mac}.cfg`))
    return { first, own }
  }

  deviceId(mac: string): string {
    const device = this.store.devices.findByMac(mac)
    if (!device) throw new Error(`${mac} is not known`)
    return device.id
  }

  /** Pairs the phone's first line with a person. */
  signInOn(mac: string, name = 'Anna'): string {
    const [line] = this.store.lines.listByDevice(this.deviceId(mac))
    if (!line) throw new Error(`${mac} has no line`)
    const user = someUser({ id: name, displayName: name, upn: `${name}@x.example` })
    const signIn = { lineId: line.id, userId: user.id, signedInAtMs: 1, verifiedAtMs: 1 }
    this.store.signIns.save(signIn, user, '{"secret":"cache"}')
    this.signIn.emit('signedIn', { signIn, user })
    return line.id
  }

  /** Lets a phone register the line, as the call side would. */
  async register(mac: string, host = '192.0.2.10', protocol: 'tls' | 'udp' = 'tls'): Promise<void> {
    const [line] = this.store.lines.listByDevice(this.deviceId(mac))
    const aor = line?.username ?? ''
    const nowMs = this.clock.nowMs()
    const binding = {
      aor,
      contactUri: `sip:${aor}@${host}:5060`,
      instanceId: undefined,
      callId: 'c1',
      cseq: 1,
      qThousandths: 1000,
      expiresAtMs: nowMs + 3_600_000,
      registeredAtMs: nowMs,
      flow: { protocol, host, port: 5061 },
      userAgent: undefined,
    }
    const bindings = await this.store.bindings.change(aor, nowMs, () => [binding])
    this.store.devices.noteSeen(this.deviceId(mac), nowMs)
    this.pbx.emit('bindingChanged', { aor, bindings })
  }

  /** Lets a burst of changes end and what follows from it happen. */
  async settle(): Promise<void> {
    await this.clock.run(4_000, 100)
  }

  #create(): Provisioning {
    return createProvisioning({
      store: this.store,
      settings: () => this.settings,
      box: () => boxAddress,
      signIn: this.signIn,
      calls: this.pbx,
      clock: this.clock,
      random: systemRandom,
      logger: this.logger,
      ...this.#change,
    })
  }
}

/** Path of the folder that a rendered file sends the phone to. */
export function ownFolder(answer: DeviceAnswer | undefined): string {
  const url = /auto_provision\.server\.url = (\S+)/.exec(answer?.body ?? '')?.[1]
  if (url === undefined) throw new Error(`no address in: ${JSON.stringify(answer)}`)
  return new URL(url).pathname
}
