import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import { familyOf } from '#src/devices/catalogue.ts'
import type { DeviceView } from '#src/devices/device-view.ts'
import { identifyDevice, type IdentifiedDevice } from '#src/devices/identify.ts'
import { canRender, filesOf, renderFile } from '#src/devices/render.ts'
import type { DeviceAccess } from '#src/model/device-access.ts'
import type { Device } from '#src/model/device.ts'
import { buildDeviceView, hostFor } from './build-device-view.ts'
import { ConditionalFiles } from './conditional.ts'
import { accountsOf, holdersOf } from './device-accounts.ts'
import type { DeviceRegistry } from './device-registry.ts'
import { judgeHandOver, type HandOver } from './judge-hand-over.ts'
import type {
  BoxAddress,
  DectViews,
  DeviceAnswer,
  DeviceDoor,
  DeviceRequest,
  ProvisioningStore,
  RefusedNote,
  SettingsNow,
} from './ports.ts'
import { readPath, type ReadPath } from './read-path.ts'
import type { SourceThrottle } from './source-throttle.ts'
import { isBootstrap, type Tokens } from './tokens.ts'

/** A fetch is written down at most this often. */
const noteFetchedEveryMs = 60_000

type Known = Device & { mac: string }

/** What the file server takes from its neighbours. */
export interface FileServerNeeds {
  store: ProvisioningStore
  registry: DeviceRegistry
  tokens: Tokens
  settings: SettingsNow
  box: () => BoxAddress
  dect: DectViews | undefined
  /** Distinct new MACs that a source may bring. */
  newDevices: SourceThrottle
  /** The screens of a device; undefined for a page that is none. */
  screen(name: string, page: ScreenRequest): Promise<DeviceAnswer | undefined>
  /** True while every phone that asks is adopted. */
  adopting: () => boolean
  onRefused(device: Device, from: string, why: RefusedNote['why']): void
  /** A device has its files in this version now; `moving` while it has not used its lasting token yet. */
  onServed(served: { deviceId: string; configVersion: string; host: string; moving: boolean }): void
  clock: Clock
  /** Sparing: strangers can cause what it writes. */
  logger: Logger
}

/** A request for a page on a device's display. */
export interface ScreenRequest {
  device: Known
  view: DeviceView
  query: string
}

/** Answers devices: who is asking, may it have this, render, send. */
export class FileServer implements DeviceDoor {
  readonly #needs: FileServerNeeds
  readonly #files: ConditionalFiles

  constructor(needs: FileServerNeeds) {
    this.#needs = needs
    this.#files = new ConditionalFiles(needs.clock)
  }

  async answer(request: DeviceRequest): Promise<DeviceAnswer | undefined> {
    const path = readPath(request.url)
    if (!path) return undefined
    try {
      const identity = identifyDevice({
        path: path.kind === 'own' ? `/${path.fileName}` : path.path,
        query: path.query,
        userAgent: oneLine(request.headers['user-agent']),
      })
      if (path.kind === 'own') return await this.#answerOwn(request, path, identity)
      return identity && (await this.#answerGeneric(request, path, identity))
    } catch (error) {
      this.#needs.logger.error({ err: error, from: request.remoteAddress }, 'a device could not be answered')
      // A phone that gets 503 tries again; one that gets 404 may give up its old configuration.
      return { status: 503, headers: { 'retry-after': '60', ...plain }, body: 'Not now.\n' }
    }
  }

  /**
   * True for a device that the generic path would serve. One that has moved on to its own address is left to go there:
   * the answer would only lead it to a 404.
   */
  wants(identity: IdentifiedDevice, from: string): boolean {
    const { settings, store } = this.#needs
    const { mac } = identity
    if (!settings().provisioning.enabled || mac === undefined || identity.conflict) return false
    const device = store.devices.findByMac(mac)
    if (!device || device.state === 'off-boarded') return canRender(identity.family)
    const judged = this.#judge(device, from)
    if (judged.kind === 'refused') this.#needs.onRefused(device, from, judged.why)
    return judged.kind !== 'refused' && canRender(familyFor(device, identity))
  }

  /** A request that shows nothing but a MAC. */
  async #answerGeneric(
    request: DeviceRequest,
    path: ReadPath & { kind: 'generic' },
    identity: IdentifiedDevice,
  ): Promise<DeviceAnswer> {
    if (!isRead(request)) return takenAway(request)
    const { settings, registry, store } = this.#needs
    const { mac } = identity
    if (!settings().provisioning.enabled || mac === undefined || identity.conflict) return notFound
    const known = store.devices.findByMac(mac)
    const told = { ...identity, mac }
    const isNew = known === undefined || known.state === 'off-boarded'
    if (isNew && !this.#mayBecomeDevice(request, path.fileName, told)) return notFound
    if (known?.state === 'off-boarded' && !this.#isSignedIn(known))
      await registry.startAnew(known, undefined, 'found')
    // Read again: others may have been served while that was written.
    const found = store.devices.findByMac(mac) ?? this.#admit(request, told)
    const device = found && this.#permit(found, request, told)
    if (!device) return notFound

    const access = registry.accessOf(device)
    const view = this.#view(device, access, 'bootstrap', access.token, request)
    const file = renderFile({ fileName: path.fileName, family: familyFor(device, identity) }, view)
    if (!file) return notFound
    const goesOut = request.method === 'GET' && file.body.includes(access.token)
    if (access.handedOverAtMs === undefined && goesOut) {
      // Written down before it is sent: a token that went out twice would be worse than one that is lost.
      const atMs = this.#needs.clock.nowMs()
      store.deviceAccess.save({ ...access, handedOverAtMs: atMs, handedOverTo: request.remoteAddress })
      const to = request.remoteAddress
      const entry = { actor: 'system', action: 'device.handedOver', subject: device.id, details: { mac, to } }
      store.audit.add({ atMs, ...entry })
      this.#needs.logger.info({ deviceId: device.id, mac, to }, 'a device was handed over')
    }
    return this.#files.answer(`${device.id}/generic/${path.fileName.toLowerCase()}`, file, request)
  }

  /** A device that asks for the first time. */
  #admit(request: DeviceRequest, identity: IdentifiedDevice & { mac: string }): Device | undefined {
    const device = this.#needs.registry.addFound(identity)
    const { mac, vendor, model } = identity
    const fields = { mac, vendor, model, from: request.remoteAddress }
    if (device) this.#needs.logger.info({ ...fields, deviceId: device.id }, 'a device was found')
    else this.#needs.logger.warn(fields, 'a device is not shown: the list of found devices is full')
    return device
  }

  /** Whether this request may put a device into the list: it asks for a file that we write, and not too often. */
  #mayBecomeDevice(
    { remoteAddress }: DeviceRequest,
    fileName: string,
    identity: IdentifiedDevice & { mac: string },
  ): boolean {
    if (!canRender(identity.family) || !filesOf(identity).includes(fileName.toLowerCase())) return false
    if (this.#needs.newDevices.take(remoteAddress)) return true
    this.#needs.logger.warn(
      { from: remoteAddress },
      'one address asks for more new devices than it may bring',
    )
    return false
  }

  /** The device, if whoever asks may have what only a MAC is needed for; undefined after the refusal was noted. */
  #permit(
    device: Device,
    request: DeviceRequest,
    identity: IdentifiedDevice & { mac: string },
  ): Known | undefined {
    const { registry } = this.#needs
    const from = request.remoteAddress
    const judged = this.#judge(device, from)
    if (judged.kind === 'refused') {
      this.#needs.onRefused(device, from, judged.why)
      return undefined
    }
    const described = device.vendor === undefined ? registry.noteIdentity(device, identity) : device
    return { ...this.#adoptIfOpen(described), mac: identity.mac }
  }

  /** A request in a device's own folder. */
  async #answerOwn(
    request: DeviceRequest,
    path: ReadPath & { kind: 'own' },
    identity: IdentifiedDevice | undefined,
  ): Promise<DeviceAnswer> {
    const entered = this.#enter(request, path, identity)
    if (!entered) return notFound
    if (!isRead(request)) return takenAway(request)
    const { device, access, moving } = entered
    const view = this.#view(
      device,
      access,
      stageOf(device),
      this.#needs.tokens.lastingOf(access.token),
      request,
    )
    const file = renderFile({ fileName: path.fileName, family: familyFor(device, identity) }, view)
    if (!file) {
      // A page acts when it is fetched: it begins a sign-in, it signs out.
      if (request.method !== 'GET') return notFound
      return (await this.#needs.screen(path.fileName, { device, view, query: path.query })) ?? notFound
    }
    const { configVersion, server } = view
    this.#needs.onServed({ deviceId: device.id, configVersion, host: server.host, moving })
    return this.#files.answer(`${device.id}/own/${path.fileName.toLowerCase()}`, file, request)
  }

  /** Lets a device in that shows its token; anything that does not fit is as good as no token. */
  #enter(
    request: DeviceRequest,
    path: ReadPath & { kind: 'own' },
    identity: IdentifiedDevice | undefined,
  ): { device: Known; access: DeviceAccess; moving: boolean } | undefined {
    const { store, registry, tokens, settings } = this.#needs
    // A token that crosses the network unprotected a second time is a token that others have.
    if (!request.secure || !settings().provisioning.enabled) return undefined
    const device = store.devices.find(path.deviceId)
    const access = device && store.deviceAccess.find(device.id)
    if (!device || !access || device.mac === undefined || device.state === 'off-boarded') return undefined
    const shown = tokens.judge(access.token, path.token)
    if (shown === 'unknown') return undefined
    if (identity?.conflict || (identity?.mac !== undefined && identity.mac !== device.mac)) return undefined
    if (shown === 'bootstrap' && access.handedOverTo !== request.remoteAddress) {
      // It went out in clear text, so it is good at the address that it went to and nowhere else.
      this.#needs.onRefused(device, request.remoteAddress, 'other-address')
      return undefined
    }
    const noted = this.#noteFetch(access, shown === 'lasting' ? path.token : undefined)
    const told = identity?.grade === 'user-agent' ? identity : undefined
    const adopted = this.#adoptIfOpen(registry.noteIdentity(device, told))
    return { device: { ...adopted, mac: device.mac }, access: noted, moving: shown === 'bootstrap' }
  }

  #noteFetch(access: DeviceAccess, lasting: string | undefined): DeviceAccess {
    const { store, clock } = this.#needs
    const fetchedAtMs = clock.nowMs()
    if (lasting !== undefined && isBootstrap(access.token)) {
      const moved = { ...access, token: lasting, fetchedAtMs }
      store.deviceAccess.save(moved)
      return moved
    }
    if (fetchedAtMs - (access.fetchedAtMs ?? -Infinity) >= noteFetchedEveryMs) {
      store.deviceAccess.noteFetched(access.deviceId, fetchedAtMs)
    }
    return { ...access, fetchedAtMs }
  }

  #adoptIfOpen(device: Device): Device {
    if (device.state !== 'found' || !this.#needs.adopting()) return device
    this.#needs.registry.adopt(device.id, 'adoption-window')
    return { ...device, state: 'onboarded' }
  }

  #judge(device: Device, from: string): HandOver {
    const { store } = this.#needs
    const access = store.deviceAccess.find(device.id)
    // A DECT server registers nothing itself: it is in use when one of its handsets is.
    const inUse = holdersOf(store, device).some(({ lastSeenAtMs }) => lastSeenAtMs !== undefined)
    return judgeHandOver({ access, inUse, signedIn: this.#isSignedIn(device), state: device.state, from })
  }

  #isSignedIn(device: Device): boolean {
    const { store } = this.#needs
    return accountsOf(store, device).some(({ id }) => store.signIns.forLine(id) !== undefined)
  }

  #view(
    device: Known,
    access: DeviceAccess,
    stage: DeviceView['stage'],
    token: string,
    request: DeviceRequest,
  ): DeviceView {
    const { store, dect, box, settings, clock } = this.#needs
    const { site } = settings()
    const address = box()
    const host = hostFor(address, request)
    const facts = { device, access, stage, token, box: address, host, site, nowMs: clock.nowMs() }
    return buildDeviceView(facts, store, dect)
  }
}

/** What a device that was handed over gets: all of it once somebody has vouched for it. */
export function stageOf({ state }: Device): DeviceView['stage'] {
  return state === 'found' ? 'onboarding' : 'full'
}

function familyFor(device: Device, identity: IdentifiedDevice | undefined): IdentifiedDevice['family'] {
  const { vendor, model } = device
  const kept = vendor !== undefined && model !== undefined ? familyOf(vendor, model) : undefined
  return kept?.family ?? identity?.family
}

const plain = { 'content-type': 'text/plain; charset=utf-8' }

/** The one refusal: it says nothing about what exists. */
const notFound: DeviceAnswer = { status: 404, headers: plain, body: 'Not found.\n' }

function isRead({ method }: DeviceRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Devices upload logs and their own changes; nothing of it is kept, and they do not repeat what was taken. */
function takenAway({ method }: DeviceRequest): DeviceAnswer {
  if (method === 'PUT' || method === 'POST') return { status: 204, headers: {}, body: '' }
  return { status: 405, headers: { allow: 'GET, HEAD, PUT, POST', ...plain }, body: 'Not allowed.\n' }
}

function oneLine(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? undefined : header
}
