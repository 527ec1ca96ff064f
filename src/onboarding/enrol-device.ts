import type { Device } from '#src/model/device.ts'
import type { Enrolment } from '#src/model/enrolment.ts'
import type { Line } from '#src/model/line.ts'
import type { EnrolmentRefusal, EnrolmentResult } from '#src/pbx/ports.ts'
import type { CodeThrottle } from './code-throttle.ts'
import { noteAudit, type OnboardingContext } from './context.ts'
import { formatDeviceAddress } from './device-address.ts'
import { enrolmentState } from './enrolment-code.ts'

type Refused = Extract<EnrolmentResult, { kind: 'refused' }>

const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10)

/**
 * Enrols the device of a line by the code that was dialled on it: the code must have been drawn for the device's own
 * address, so a code that was overheard is worth nothing elsewhere. Synchronous: two calls cannot use one code.
 */
export function enrolDevice(
  context: OnboardingContext & { throttle: CodeThrottle },
  dialled: { lineId: string; code: string },
): { result: EnrolmentResult; deviceId: string | undefined } {
  const { store, clock, logger, throttle } = context
  const line = store.lines.find(dialled.lineId)
  const device = line && store.devices.find(line.deviceId)
  if (!line || !device)
    return { result: refuse('no-address', 'The line was removed meanwhile.'), deviceId: undefined }

  const result = judge(context, device, dialled.code)
  if (result.kind === 'refused') {
    if (result.why === 'wrong-code' || result.why === 'other-device') {
      throttle.noteWrong(device.id)
      const details = { why: result.why }
      noteAudit(context, {
        actor: `phone:${line.username}`,
        action: 'device.enrol.refused',
        subject: device.id,
        details,
      })
    }
    logger.info(
      { deviceId: device.id, lineId: line.id, why: result.why },
      `enrolment refused: ${result.text}`,
    )
    return { result, deviceId: device.id }
  }

  throttle.noteRight(device.id)
  adopt(context, device, line, result.enrolment)
  const { label, location } = result.enrolment
  const text = `The device was enrolled as “${label}”, ${location}.`
  logger.info(
    { deviceId: device.id, lineId: line.id, enrolmentId: result.enrolment.id, usedAtMs: clock.nowMs() },
    text,
  )
  return { result: { kind: 'enrolled', label, location, text }, deviceId: device.id }
}

function judge(
  context: OnboardingContext & { throttle: CodeThrottle },
  device: Device,
  code: string,
): Refused | { kind: 'right'; enrolment: Enrolment } {
  const { store, clock, throttle } = context
  const own = announcedFor(store.enrolments, device)
  if (own === 'no-address') {
    return refuse(
      'no-address',
      `“${device.label}” has neither a MAC address nor an IPEI on this box, so no code can belong to it.`,
    )
  }
  const waitMs = throttle.waitMs(device.id)
  if (waitMs > 0) {
    const minutes = Math.ceil(waitMs / 60_000)
    return refuse(
      'too-many-tries',
      `There were too many wrong codes; the next one is listened to in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
    )
  }
  if (own?.code === code) {
    switch (enrolmentState(own, clock)) {
      case 'enrolled':
        return refuse(
          'used',
          `The code was used already, on ${dayOf(own.usedAtMs ?? 0)}; make a new one for the device.`,
        )
      case 'expired':
        return refuse(
          'expired',
          `The code expired on ${dayOf(own.expiresAtMs)}; make a new one for the device.`,
        )
      case 'waiting':
        return { kind: 'right', enrolment: own }
    }
  }
  const address = formatDeviceAddress(device)
  const other = store.enrolments.list().find((enrolment) => enrolment.code === code)
  if (other) {
    return refuse(
      'other-device',
      `The code belongs to “${other.label}” (${formatDeviceAddress(other)}), not to the device with the address ${address}.`,
    )
  }
  const hint = own ? '' : ' No device with this address is announced.'
  return refuse(
    'wrong-code',
    `No device has this code; it was dialled on the one with the address ${address}.${hint}`,
  )
}

function announcedFor(
  enrolments: OnboardingContext['store']['enrolments'],
  { mac, ipei }: Device,
): Enrolment | 'no-address' | undefined {
  if (mac !== undefined) return enrolments.findByMac(mac)
  if (ipei !== undefined) return enrolments.findByIpei(ipei)
  return 'no-address'
}

function adopt(context: OnboardingContext, device: Device, line: Line, enrolment: Enrolment): void {
  const { store, clock } = context
  const { label, location } = enrolment
  const before = device.state
  const state = before === 'found' || before === 'off-boarded' ? 'onboarded' : before
  // The code last: if a step fails, it still waits, and dialling it again mends everything. The lines before the device,
  // whose old name tells which of them are named after it.
  for (const own of store.lines.listByDevice(device.id)) {
    // What the phone shows. A line with a name of its own, such as a handset's extension, keeps it.
    if (own.label === device.label && label !== device.label) store.lines.setLabel(own.id, label)
  }
  store.devices.save({ ...device, label, location, state })
  store.enrolments.saveAll([{ ...enrolment, usedAtMs: clock.nowMs(), deviceId: device.id }])
  const details = { label, location, enrolmentId: enrolment.id, before }
  noteAudit(context, { actor: `phone:${line.username}`, action: 'device.enrol', subject: device.id, details })
}

function refuse(why: EnrolmentRefusal, text: string): Refused {
  return { kind: 'refused', why, text }
}
