import { setImmediate } from 'node:timers/promises'
import { ApplianceError } from '#src/base/errors.ts'
import type { Device } from '#src/model/device.ts'
import type { Line } from '#src/model/line.ts'
import { forgetAccessCode, keepAccessCode, makeAccessCode, readAccessCode } from './access-code.ts'
import {
  checkHandsets,
  isExtension,
  problemOfExtension,
  problemOfLabel,
  type CheckedHandset,
} from './check-handsets.ts'
import { needDevice, type DectContext } from './context.ts'
import type { Handset, Handsets, HandsetState } from './ports.ts'

/** Random digits behind the letters of a user name; it can never be taken for a number that somebody dials. */
const usernameDigits = 6
const passwordLength = 16

/** "Ward 2" before "Ward 10". */
const byLabel = new Intl.Collator('en', { numeric: true })

/** Keeps the handsets behind DECT servers: a device with one line each. */
export function createHandsets(context: DectContext): Handsets {
  const { store, clock, events, logger } = context

  const lineOf = (device: Device): Line => {
    const [line] = store.lines.listByDevice(device.id)
    if (line) return line
    throw new ApplianceError('NOT_FOUND', { id: device.id }, { text: 'This handset has lost its line.' })
  }
  const stateOf = (device: Device, line: Line, registered: boolean): HandsetState => {
    if (store.signIns.forLine(line.id)) return 'signed-in'
    if (registered) return 'registered'
    return device.lastSeenAtMs === undefined ? 'announced' : 'subscribed'
  }
  const viewOf = (device: Device, line = lineOf(device)): Handset => {
    const extension = isExtension(line.label) ? line.label : undefined
    const registered = store.bindings.find(line.username, clock.nowMs()).length > 0
    return { device, line, extension, state: stateOf(device, line, registered), registered }
  }
  const configurationChanged = ({ parentId }: Device): void => {
    if (parentId !== undefined) events.emit('configurationChanged', { serverId: parentId })
  }
  const facts = () => ({
    findByIpei: (ipei: string) => store.devices.findByIpei(ipei),
    lines: store.lines.list(),
    emergencyNumbers: context.emergencyNumbers(),
  })

  return {
    list(serverId) {
      const lines = new Map(store.lines.list().map((line) => [line.deviceId, line]))
      return store.devices
        .listChildren(serverId)
        .sort((a, b) => byLabel.compare(a.label, b.label))
        .flatMap((device) => {
          const line = lines.get(device.id)
          // One that the disk kept half of must not hide the others.
          return line ? [viewOf(device, line)] : []
        })
    },

    async add(serverId, handsets) {
      const server = needDevice(context, serverId, 'dect-server')
      const { checked, problems } = checkHandsets(handsets, facts())
      if (problems.length > 0) throw refusal(problems)
      const added: Device[] = []
      try {
        for (const handset of checked) {
          added.push(addOne(handset, server, context))
          // Each is three commits; calls go on between them.
          await setImmediate()
        }
      } catch (error) {
        for (const { id } of added) discard(id, store)
        throw error
      }
      logger.info({ deviceId: serverId, handsets: added.length }, 'handsets were added')
      events.emit('configurationChanged', { serverId })
      return added.map((device) => viewOf(device))
    },

    rename(handsetId, to) {
      const device = needDevice(context, handsetId, 'dect-handset')
      const line = lineOf(device)
      const label = to.label.trim()
      const labelProblem = problemOfLabel(label)
      if (labelProblem !== undefined)
        throw new ApplianceError('INVALID', { field: 'label' }, { text: labelProblem })
      const digits = to.extension ?? (isExtension(label) ? label : undefined)
      const problem = digits === undefined ? undefined : problemOfExtension(digits, facts(), line.id)
      const field = to.extension === undefined ? 'label' : 'extension'
      if (problem !== undefined) throw new ApplianceError('INVALID', { field }, { text: problem })
      store.devices.save({ ...device, label })
      store.lines.setLabel(line.id, to.extension ?? label)
      configurationChanged(device)
      return viewOf({ ...device, label })
    },

    remove(handsetId) {
      const device = needDevice(context, handsetId, 'dect-handset')
      discard(handsetId, store)
      logger.info({ deviceId: handsetId, serverId: device.parentId }, 'a handset was removed')
      configurationChanged(device)
    },

    accessCode(handsetId) {
      needDevice(context, handsetId, 'dect-handset')
      const code = readAccessCode(store.secrets, handsetId)
      if (code !== undefined) return code
      throw new ApplianceError('NOT_FOUND', { id: handsetId }, { text: 'This handset has no access code.' })
    },
  }
}

function addOne(handset: CheckedHandset, server: Device, { store, clock, random }: DectContext): Device {
  const createdAtMs = clock.nowMs()
  const device: Device = {
    id: random.token(16),
    kind: 'dect-handset',
    label: handset.label,
    mac: undefined,
    ipei: handset.ipei,
    parentId: server.id,
    vendor: server.vendor,
    model: undefined,
    firmware: undefined,
    location: undefined,
    state: 'onboarded',
    createdAtMs,
    lastSeenAtMs: undefined,
  }
  let username: string
  do username = `bl${random.digits(usernameDigits)}`
  while (store.lines.findByUsername(username))
  const line = { id: random.token(16), deviceId: device.id, username, createdAtMs }
  store.devices.save(device)
  try {
    // The line last: a handset without one was cut off in between, see `removeUnfinished`.
    keepAccessCode(store.secrets, device.id, makeAccessCode(random))
    store.lines.add({ ...line, label: handset.extension ?? handset.label }, random.password(passwordLength))
  } catch (error) {
    discard(device.id, store)
    throw error
  }
  return device
}

function discard(handsetId: string, { devices, secrets }: DectContext['store']): void {
  devices.remove(handsetId)
  forgetAccessCode(secrets, handsetId)
}

/** Removes handsets of which a power cut kept only the first half: nobody was told that they had been added. */
export function removeUnfinished({ store, logger }: DectContext): void {
  const whole = new Set(store.lines.list().map(({ deviceId }) => deviceId))
  for (const { id, kind } of store.devices.list()) {
    if (kind !== 'dect-handset' || whole.has(id)) continue
    discard(id, store)
    logger.warn({ deviceId: id }, 'a handset that was added only half is removed')
  }
}

function refusal(problems: readonly { row: number; text: string }[]): ApplianceError {
  const [first] = problems
  const text =
    problems.length === 1
      ? `Row ${first?.row}: ${first?.text}`
      : `${problems.length} things are wrong in the list; nothing was added.`
  return new ApplianceError('INVALID', { problems }, { text })
}
