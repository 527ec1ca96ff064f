import { findDefinition } from '#src/devices/catalogue.ts'
import { judgeFirmware } from '#src/devices/firmware.ts'
import type { Device } from '#src/model/device.ts'
import type { FirmwareView } from '../schema/firmware.ts'

/** How a device's firmware stands to its row of the table; null for a device that is in no table. */
export function viewFirmware({ vendor, model, firmware }: Device): FirmwareView | null {
  const row = vendor === undefined || model === undefined ? undefined : findDefinition(vendor, model)
  return row ? judgeFirmware(row, firmware) : null
}
