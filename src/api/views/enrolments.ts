import { formatDeviceAddress } from '#src/onboarding/device-address.ts'
import type { AnnouncedDevice, OffBoarded, PreviewRow } from '#src/onboarding/ports.ts'
import type { ApiStore } from '../ports.ts'
import type { EnrolmentView, OffBoardedView, PreviewView } from '../schema/enrolments.ts'

/** An announced device; the code only while it can be used. */
export function viewEnrolment({ enrolment, state, device }: AnnouncedDevice): EnrolmentView {
  return {
    id: enrolment.id,
    mac: enrolment.mac ?? null,
    ipei: enrolment.ipei ?? null,
    label: enrolment.label,
    location: enrolment.location,
    state,
    code: state === 'waiting' ? enrolment.code : null,
    createdAtMs: enrolment.createdAtMs,
    expiresAtMs: enrolment.expiresAtMs,
    usedAtMs: enrolment.usedAtMs ?? null,
    device: device
      ? { id: device.id, label: device.label, state: device.state, model: device.model ?? null }
      : null,
  }
}

/** The lines of a file, good and broken apart. */
export function viewPreview(rows: readonly PreviewRow[]): PreviewView {
  const good: PreviewView['good'] = []
  const broken: PreviewView['broken'] = []
  for (const row of rows) {
    const { line } = row
    if (row.kind === 'broken') {
      broken.push({ line, address: row.address, text: row.text })
      continue
    }
    const { label, location } = row.announcement
    good.push({
      line,
      address: formatDeviceAddress(row.announcement),
      label,
      location,
      note: row.note ?? null,
    })
  }
  return { good, broken }
}

/** An off-boarded device by its name. */
export function viewOffBoarded(
  { deviceId, atMs, reason, text }: OffBoarded,
  store: ApiStore,
): OffBoardedView {
  const device = store.devices.find(deviceId)
  const address = device ? formatDeviceAddress(device) : ''
  return {
    deviceId,
    label: device?.label ?? '',
    address: address === '' ? null : address,
    atMs,
    reason,
    text,
  }
}
