import type { StoreContext } from './context.ts'

/** Keeps a device's state in step with the sign-ins on its lines; called inside the caller's transaction. */
export interface DeviceStates {
  /** `signed-in` while anybody is signed in on a line of the device, otherwise `signed-out` if somebody was. */
  refresh(deviceId: string): void
}

/** Prepares the SQL of `DeviceStates`. */
export function createDeviceStates(context: StoreContext): DeviceStates {
  const anybody = 'SELECT 1 FROM sign_ins JOIN lines ON lines.id = line_id WHERE device_id = devices.id'
  const update = context.database.prepare<[string]>(`
    UPDATE devices SET state = CASE
      WHEN EXISTS (${anybody}) THEN 'signed-in'
      WHEN state = 'signed-in' THEN 'signed-out'
      ELSE state END
    WHERE id = ?`)
  return {
    refresh(deviceId) {
      update.run(deviceId)
    },
  }
}
