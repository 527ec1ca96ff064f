import type { Clock } from '#src/base/clock.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { ScreenRequest } from '../file-server.ts'
import type { DeviceAnswer, ProvisioningStore, ScreenSignIn } from '../ports.ts'
import { orStopped } from '../sync-queue.ts'
import { familyOfDevice, type DeviceTeller } from '../tell-devices.ts'
import { lookAgain, screenFamilies } from './push-screen.ts'
import { SignInScreens } from './sign-in-screens.ts'

/** A phone whose page was fetched so lately is being looked at. */
const lookedAtMs = 15_000
const maxLooking = 1_000

/** Answers the pages of devices that have a display, and wakes those that wait for news. */
export class DeviceScreens {
  readonly #pages: SignInScreens
  readonly #store: ProvisioningStore
  readonly #teller: DeviceTeller
  readonly #clock: Clock
  /** By line: when its page was fetched last, and where its pages are. */
  readonly #looking = new Map<string, { atMs: number; pageUrl: string }>()

  constructor(needs: {
    store: ProvisioningStore
    signIn: ScreenSignIn
    teller: DeviceTeller
    clock: Clock
    lifetime: Lifetime
    logger: Logger
  }) {
    const { store, signIn, clock, logger, lifetime } = needs
    this.#pages = new SignInScreens({ store, signIn, clock, logger })
    this.#store = store
    this.#teller = needs.teller
    this.#clock = clock
    const wake = (lineId: string): void =>
      lifetime.run('wake a screen', (end) => orStopped(this.#wake(lineId), end))
    lifetime.own(
      'sign-ins on screens',
      signIn.on('signedIn', (fact) => wake(fact.signIn.lineId)),
    )
    lifetime.own(
      'failures on screens',
      signIn.on('signInFailed', (fact) => wake(fact.lineId)),
    )
  }

  async answer(name: string, request: ScreenRequest): Promise<DeviceAnswer | undefined> {
    const family = familyOfDevice(request.device)
    if (family === undefined || !screenFamilies[family]) return undefined
    const page = await this.#pages.render(name, request)
    if (!page) return undefined
    this.#noteLooking(request)
    const headers = {
      ...page.headers,
      'content-type': page.contentType,
      'content-length': String(Buffer.byteLength(page.body)),
    }
    return { status: 200, headers, body: page.body }
  }

  #noteLooking({ device, view }: ScreenRequest): void {
    const [line] = this.#store.lines.listByDevice(device.id)
    if (!line) return
    this.#looking.delete(line.id)
    this.#looking.set(line.id, { atMs: this.#clock.monotonicMs(), pageUrl: view.pageUrl })
    const [oldest] = this.#looking.keys()
    if (this.#looking.size > maxLooking && oldest !== undefined) this.#looking.delete(oldest)
  }

  async #wake(lineId: string): Promise<void> {
    const looking = this.#looking.get(lineId)
    const line = this.#store.lines.find(lineId)
    const device = line && this.#store.devices.find(line.deviceId)
    const family = device && familyOfDevice(device)
    const push = family && screenFamilies[family]
    if (!looking || !push || this.#clock.monotonicMs() - looking.atMs > lookedAtMs) return
    this.#looking.delete(lineId)
    await this.#teller.push(line, { ...push, body: lookAgain(looking.pageUrl) })
  }
}
