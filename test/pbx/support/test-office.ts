import type { Test } from 'tap'
import { systemClock, type Clock } from '#src/base/clock.ts'
import { EventSource } from '#src/base/events.ts'
import { systemRandom } from '#src/base/random.ts'
import type { EngineOptions } from '#src/engine/options.ts'
import { createEmbeddedRelay, type EmbeddedRelay } from '#src/media/embedded/media-control.ts'
import { createMediaEndpoints, type RunningMediaEndpoints } from '#src/media/endpoint/media-endpoints.ts'
import { prompt, spell } from '#src/media/endpoint/prompts.ts'
import type { CallRecord } from '#src/model/call-record.ts'
import type { Settings } from '#src/model/settings.ts'
import type { TeamsTrunkEndpoints } from '#src/model/tenant.ts'
import type { PbxOptions } from '#src/pbx/options.ts'
import type { Pbx, PendingSignIn, SignInEvents, SignInPort, SignInStatus } from '#src/pbx/ports.ts'
import { startPbx } from '#src/pbx/start-pbx.ts'
import { defaultSettings } from '#src/settings/load-configuration.ts'
import type { Store } from '#src/store/store.ts'
import { openTestStore, someDevice, someLine, someUser } from '#test/store/store-fixture.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { WirePhone } from './wire-phone.ts'

/** The call side on a real engine, a real store and the real relay, on loopback; everything stops with the test. */
export interface TestOffice {
  pbx: Pbx
  store: Store
  relay: EmbeddedRelay
  endpoints: RunningMediaEndpoints
  engine: TestEngine
  signIn: TestSignIn
  settings: Settings
  logger: MemoryLogger
  /** Adds a line, with a person of this name and number signed in on it when one is given, and a phone for it. */
  phone(username: string, person?: { name: string; number: string }): Promise<WirePhone>
  /** The next call that ends. */
  nextRecord(): Promise<CallRecord>
  /** The call log, newest first, once it holds this many calls. */
  logged(count: number): Promise<CallRecord[]>
  /** Nothing may be left of any call; waits for what is being wound up. */
  expectNoLeak(t: Test): Promise<void>
}

/** A sign-in service in the hands of the test. */
export class TestSignIn extends EventSource<SignInEvents> implements SignInPort {
  readonly begun: string[] = []
  readonly signedOut: string[] = []
  beginResult: () => Promise<PendingSignIn> = async () => ({
    userCode: 'AB12',
    verificationUri: 'https://lab.example/device',
    expiresAtMs: 0,
  })

  begin(lineId: string, actor: string): Promise<PendingSignIn> {
    this.begun.push(`${lineId} ${actor}`)
    return this.beginResult()
  }

  status(): SignInStatus | undefined {
    return undefined
  }

  cancel(): void {
    // The tests never cancel.
  }

  async signOut(lineId: string): Promise<boolean> {
    this.signedOut.push(lineId)
    return true
  }
}

export interface OfficeOptions {
  /** Clock of the call side alone; the SIP engine keeps real time. */
  clock?: Clock
  trunk?: TeamsTrunkEndpoints
  engine?: Partial<EngineOptions>
  settings?: Partial<Settings['sip']>
  pbx?: Partial<PbxOptions>
  /** True: every request comes by way of the library, as with a drachtio-server. */
  library?: boolean
}

let portBase = 41_000

/** Starts an office. */
export async function startOffice(t: Test, options: OfficeOptions = {}): Promise<TestOffice> {
  const clock = options.clock ?? systemClock
  const logger = new MemoryLogger()
  const engine = await startTestEngine(t, { logger, ...options.engine })
  const store = openTestStore(t, { clock, logger })
  const settings = defaultSettings()
  // Expiries are what was asked for, unless a test wants them spread.
  settings.sip.registrationSpread = 0
  Object.assign(settings.sip, options.settings)
  const ports = { portMin: portBase, portMax: portBase + 399 }
  portBase += 400
  const relay = createEmbeddedRelay({
    ...ports,
    workers: 1,
    clock: systemClock,
    random: systemRandom,
    logger,
    reuseDelayMs: 0,
  })
  await relay.start()
  const endpoints = createMediaEndpoints({ clock: systemClock, random: systemRandom, logger })
  const signIn = new TestSignIn(logger)
  store.callingPolicies.save({
    ...store.callingPolicies.forUser('x'),
    scope: 'Global',
    allowSipDevicesCalling: true,
  })
  const pbx = await startPbx({
    srf: engine.srf,
    ...(options.library ? {} : { direct: engine.engine.openDirectDoor() }),
    flows: engine.engine.flows,
    store,
    relay,
    endpoints,
    prompts: { prompt, spell },
    signIn,
    settings: () => settings,
    trunk: options.trunk,
    localAddressToward: async () => '127.0.0.1',
    listeners: engine.engine.listeners,
    clock,
    random: systemRandom,
    logger,
    ...options.pbx,
  })
  t.teardown(async () => {
    await pbx.stop()
    endpoints.close()
    await relay.stop()
  })

  return {
    pbx,
    store,
    relay,
    endpoints,
    engine,
    signIn,
    settings,
    logger,
    async phone(username, person) {
      store.devices.save(someDevice({ id: `d-${username}`, mac: undefined }))
      const line = someLine({
        id: `l-${username}`,
        deviceId: `d-${username}`,
        username,
        label: `Phone ${username}`,
      })
      store.lines.add(line, 'secret')
      if (person) signInOn(store, line.id, person)
      return WirePhone.open(t, { username, password: 'secret' }, engine.udpPort)
    },
    nextRecord: () =>
      new Promise((resolve) => {
        const off = pbx.on('callEnded', (record) => {
          off()
          resolve(record)
        })
      }),
    async logged(count) {
      const deadline = performance.now() + 30_000
      while (store.callLog.count() < count && performance.now() < deadline) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      return store.callLog.list({ limit: 100 })
    },
    async expectNoLeak(t) {
      const deadline = performance.now() + 30_000
      for (;;) {
        const { sessions } = await relay.totals()
        const left = { live: pbx.liveCalls().length, sessions, endpoints: endpoints.sessions }
        if ((left.live === 0 && sessions === 0 && left.endpoints === 0) || performance.now() > deadline) {
          t.same(left, { live: 0, sessions: 0, endpoints: 0 }, 'no call, media session or endpoint is left')
          return
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

/** Pairs a line with a person; the user id is the name. */
export function signInOn(store: Store, lineId: string, person: { name: string; number: string }): void {
  const user = someUser({
    id: person.name,
    displayName: person.name,
    number: person.number,
    upn: `${person.name}@x`,
  })
  store.signIns.save({ lineId, userId: user.id, signedInAtMs: 1, verifiedAtMs: 1 }, user, '{}')
}
