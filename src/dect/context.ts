import type { Clock } from '#src/base/clock.ts'
import { ApplianceError } from '#src/base/errors.ts'
import type { EventSource } from '#src/base/events.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { Device, DeviceKind } from '#src/model/device.ts'
import type { Store } from '#src/store/store.ts'
import type { DectEvents } from './ports.ts'

/** What the parts of DECT work with. */
export interface DectContext {
  store: Pick<Store, 'devices' | 'lines' | 'bindings' | 'signIns' | 'users' | 'secrets'>
  /** Numbers for help: none of them can be an extension. */
  emergencyNumbers(): readonly string[]
  events: EventSource<DectEvents>
  clock: Clock
  random: Random
  logger: Logger
}

/** The device of this id and kind, or NOT_FOUND with a sentence. */
export function needDevice(
  { store }: DectContext,
  id: string,
  kind: Extract<DeviceKind, 'dect-server' | 'dect-handset'>,
): Device {
  const device = store.devices.find(id)
  if (device?.kind === kind) return device
  const noun = kind === 'dect-server' ? 'DECT server' : 'handset'
  throw new ApplianceError(
    'NOT_FOUND',
    { id },
    { text: `There is no such ${noun}; it may have been removed.` },
  )
}
