import { createHash } from 'node:crypto'
import { formatEndpoint, isIpLiteral } from '#src/base/net.ts'
import {
  featureCodesView,
  type DeviceStage,
  type DeviceView,
  type LineView,
  type ServerView,
  type SiteView,
} from '#src/devices/device-view.ts'
import type { DeviceAccess } from '#src/model/device-access.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import type { Settings } from '#src/model/settings.ts'
import type { BoxAddress, DectViews, DeviceRequest, ProvisioningStore } from './ports.ts'
import { ownPath } from './read-path.ts'

/** What a device's view is made of, beside the store. */
export interface ViewFacts {
  device: Device & { mac: string }
  access: DeviceAccess
  stage: DeviceStage
  /** The token that the rendered addresses carry. */
  token: string
  box: BoxAddress
  /** Host under which the device reaches the box, see {@link hostFor}. */
  host: string
  site: Settings['site']
  nowMs: number
}

/**
 * Host that a device is told. A name that it reached the box by is only good when the certificate has it: the phone
 * refuses everything else, and could then fetch nothing any more. The address of the socket always is.
 */
export function hostFor(
  box: BoxAddress,
  request: Pick<DeviceRequest, 'reachedHost' | 'localAddress'>,
): string {
  const { reachedHost, localAddress } = request
  if (box.address !== undefined) return box.address
  return isIpLiteral(reachedHost) || box.names.includes(reachedHost.toLowerCase())
    ? reachedHost
    : localAddress
}

/** Gathers everything that a device's files are made of; the only place where its secrets are read. */
export function buildDeviceView(
  facts: ViewFacts,
  store: ProvisioningStore,
  dect: DectViews | undefined,
): DeviceView {
  const { device, access, stage, token, box, nowMs } = facts
  const server = serverOf(facts)
  const ownUrl = server.httpsUrl + ownPath(device.id, token)
  const isServer = device.kind === 'dect-server'
  const dectView = isServer && stage !== 'bootstrap' ? dect?.viewOf(device.id) : undefined
  const lines = isServer ? [] : store.lines.listByDevice(device.id)
  const view = {
    stage,
    device: {
      mac: device.mac,
      label: device.label,
      model: device.model,
      firmware: device.firmware,
      location: device.location,
    },
    server,
    provisioningUrl: ownUrl,
    caUrl: `${server.httpUrl}/ca.pem`,
    pageUrl: ownUrl,
    // What is read over plain HTTP has no account in it, whatever a renderer does.
    lines: stage === 'bootstrap' ? [] : (dectView?.lines ?? lines.map((line) => lineView(line, store))),
    dect: dectView?.dect,
    site: siteView(facts.site, nowMs),
    adminPassword: stage === 'bootstrap' ? undefined : access.adminPassword,
    featureCodes: featureCodesView,
    callForwardingAllowed: lines.some((line) => mayForward(line, store)),
    realm: box.realm,
  }
  const configVersion = createHash('sha256').update(JSON.stringify(view)).digest('hex').slice(0, 12)
  return { ...view, configVersion }
}

function lineView(line: Line, store: ProvisioningStore): LineView {
  const signIn = store.signIns.forLine(line.id)
  const user = signIn && store.users.find(signIn.userId)
  return {
    username: line.username,
    password: store.lines.password(line.id) ?? '',
    label: line.label,
    displayName: line.label,
    signedIn: user && { displayName: user.displayName, number: user.number ?? '' },
  }
}

function mayForward(line: Line, store: ProvisioningStore): boolean {
  const signIn = store.signIns.forLine(line.id)
  return signIn !== undefined && store.callingPolicies.forUser(signIn.userId).allowCallRedirect
}

function serverOf({ box, host }: ViewFacts): ServerView {
  return {
    host,
    httpUrl: `http://${formatEndpoint(host, box.httpPort)}`,
    httpsUrl: `https://${formatEndpoint(host, box.httpsPort)}`,
    tlsPort: box.tlsPort,
    udpPort: box.udpPort,
    tcpPort: box.tcpPort,
    realm: box.realm,
  }
}

function siteView(site: Settings['site'], nowMs: number): SiteView {
  return {
    country: site.country,
    language: site.language.slice(0, 2),
    timeZone: site.timeZone,
    year: new Date(nowMs).getUTCFullYear(),
    ntpServers: site.ntpServers,
    emergencyNumbers: site.emergencyNumbers,
  }
}
