import type { FoundDevices } from '#src/provisioning/ports.ts'
import type { ApiStore } from '../ports.ts'
import type { FoundDevicesView } from '../schema/found-devices.ts'
import { viewFirmware } from './firmware.ts'

/** Everything that waits for the admin, as the page shows it. */
export function viewFoundDevices(devices: FoundDevices, store: ApiStore, nowMs: number): FoundDevicesView {
  const isRegistered = (deviceId: string): boolean =>
    store.lines.listByDevice(deviceId).some(({ username }) => store.bindings.find(username, nowMs).length > 0)
  return {
    found: devices.list().map(({ device, from, fetchedAtMs }) => ({
      id: device.id,
      label: device.label,
      mac: device.mac ?? '',
      kind: device.kind,
      vendor: device.vendor ?? null,
      model: device.model ?? null,
      firmware: device.firmware ?? null,
      firmwareAdvice: viewFirmware(device),
      foundAtMs: device.createdAtMs,
      from: from ?? null,
      configured: fetchedAtMs !== undefined,
      registered: isRegistered(device.id),
    })),
    window: devices.window.current() ?? null,
    refused: devices.refused().flatMap((note) => {
      const device = store.devices.find(note.deviceId)
      return device ? [{ ...note, label: device.label, mac: device.mac ?? null }] : []
    }),
  }
}
