import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import type { ProvisioningStore } from './ports.ts'

type Stores = Pick<ProvisioningStore, 'devices' | 'lines'>

/** The devices whose accounts stand in a device's files: the handsets of a DECT server, otherwise itself. */
export function holdersOf({ devices }: Pick<Stores, 'devices'>, device: Device): Device[] {
  return device.kind === 'dect-server' ? devices.listChildren(device.id) : [device]
}

/** The accounts that stand in a device's files. */
export function accountsOf(stores: Stores, device: Device): Line[] {
  const holders = new Set(holdersOf(stores, device).map(({ id }) => id))
  return stores.lines.list().filter(({ deviceId }) => holders.has(deviceId))
}
