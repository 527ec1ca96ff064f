import { formatEndpoint } from '#src/base/net.ts'
import type { Binding } from '#src/model/binding.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import type { Pbx } from '#src/pbx/ports.ts'
import { uriOf } from '#src/sip/name-addr.ts'
import { parseUri } from '#src/sip/uri.ts'
import { need, type ApiContext } from '../context.ts'
import type { ApiStore } from '../ports.ts'
import type { DeviceView, LineView } from '../schema/devices.ts'
import { viewFirmware } from './firmware.ts'

/** What devices are seen with; without a call side nobody knows about connections. */
export interface DeviceLook {
  store: ApiStore
  pbx: Pick<Pbx, 'flowOpen'> | undefined
  nowMs: number
}

/** What is known at this moment; PART_NOT_RUNNING without a store. */
export function lookAt(context: ApiContext): DeviceLook {
  return {
    store: need(context, 'store'),
    pbx: context.parts.pbx,
    nowMs: context.options.clock.nowMs(),
  }
}

/** All devices by label; bindings and sign-ins are read once, not per line. */
export function viewDevices(look: DeviceLook): DeviceView[] {
  const { store, nowMs } = look
  const bindings = Map.groupBy(store.bindings.all(nowMs), (binding) => binding.aor)
  const lines = Map.groupBy(store.lines.list(), (line) => line.deviceId)
  return store.devices
    .list()
    .map((device) => viewOf(device, lines.get(device.id) ?? [], (aor) => bindings.get(aor) ?? [], look))
    .sort((a, b) => a.label.localeCompare(b.label) || a.createdAtMs - b.createdAtMs)
}

/** One device with its lines. */
export function viewDevice(device: Device, look: DeviceLook): DeviceView {
  const { store, nowMs } = look
  return viewOf(device, store.lines.listByDevice(device.id), (aor) => store.bindings.find(aor, nowMs), look)
}

function viewOf(
  device: Device,
  lines: Line[],
  bindingsOf: (aor: string) => Binding[],
  look: DeviceLook,
): DeviceView {
  return {
    id: device.id,
    kind: device.kind,
    label: device.label,
    mac: device.mac ?? null,
    ipei: device.ipei ?? null,
    parentId: device.parentId ?? null,
    vendor: device.vendor ?? null,
    model: device.model ?? null,
    firmware: device.firmware ?? null,
    firmwareAdvice: viewFirmware(device),
    location: device.location ?? null,
    state: device.state,
    createdAtMs: device.createdAtMs,
    lastSeenAtMs: device.lastSeenAtMs ?? null,
    lines: lines.map((line) => viewLine(line, bindingsOf(line.username), look)),
  }
}

function viewLine(line: Line, bindings: Binding[], { store, pbx }: DeviceLook): LineView {
  const signIn = store.signIns.forLine(line.id)
  const user = signIn && store.users.find(signIn.userId)
  return {
    id: line.id,
    username: line.username,
    label: line.label,
    registered: bindings.length > 0,
    contacts: bindings.map((binding) => ({
      address: formatEndpoint(binding.flow.host, binding.flow.port),
      protocol: binding.flow.protocol,
      connected: pbx?.flowOpen(binding.flow) ?? null,
      regId: binding.regId ?? null,
      through: (binding.path ?? []).map(hostOf),
      userAgent: binding.userAgent ?? null,
      registeredAtMs: binding.registeredAtMs,
      expiresAtMs: binding.expiresAtMs,
    })),
    user: user
      ? { id: user.id, upn: user.upn, displayName: user.displayName, number: user.number ?? null }
      : null,
    signedInAtMs: signIn?.signedInAtMs ?? null,
  }
}

function hostOf(hop: string): string {
  const uri = parseUri(uriOf(hop) ?? '')
  return uri ? formatHost(uri.host, uri.port) : hop
}

function formatHost(host: string, port: number | undefined): string {
  return port === undefined ? host : formatEndpoint(host, port)
}
