import { formatEndpoint } from '#src/base/net.ts'
import type { Binding } from '#src/model/binding.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import type { ApiStore } from '../ports.ts'
import type { DeviceView, LineView } from '../schema/devices.ts'
import { viewFirmware } from './firmware.ts'

/** All devices by label; bindings and sign-ins are read once, not per line. */
export function viewDevices(store: ApiStore, nowMs: number): DeviceView[] {
  const bindings = Map.groupBy(store.bindings.all(nowMs), (binding) => binding.aor)
  const lines = Map.groupBy(store.lines.list(), (line) => line.deviceId)
  return store.devices
    .list()
    .map((device) => viewOf(device, lines.get(device.id) ?? [], (aor) => bindings.get(aor) ?? [], store))
    .sort((a, b) => a.label.localeCompare(b.label) || a.createdAtMs - b.createdAtMs)
}

/** One device with its lines. */
export function viewDevice(device: Device, store: ApiStore, nowMs: number): DeviceView {
  return viewOf(device, store.lines.listByDevice(device.id), (aor) => store.bindings.find(aor, nowMs), store)
}

function viewOf(
  device: Device,
  lines: Line[],
  bindingsOf: (aor: string) => Binding[],
  store: ApiStore,
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
    lines: lines.map((line) => viewLine(line, bindingsOf(line.username), store)),
  }
}

function viewLine(line: Line, bindings: Binding[], store: ApiStore): LineView {
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
