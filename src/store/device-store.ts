import type { Device } from '#src/model/device.ts'
import { errorText } from '#src/base/errors.ts'
import type { BindingMemory } from './binding-store.ts'
import type { StoreContext } from './context.ts'
import type { LineMemory } from './line-store.ts'
import type { DeviceStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  id: string
  kind: string
  label: string
  mac: string | null
  ipei: string | null
  parent_id: string | null
  vendor: string | null
  model: string | null
  firmware: string | null
  location: string | null
  state: string
  created_at_ms: number
  last_seen_at_ms: number | null
}

const columns =
  'id, kind, label, mac, ipei, parent_id, vendor, model, firmware, location, state, created_at_ms, last_seen_at_ms'
const binds =
  '@id, @kind, @label, @mac, @ipei, @parent_id, @vendor, @model, @firmware, @location, @state, @created_at_ms, @last_seen_at_ms'
/** A sighting is written when the last written one is at least this old. */
const seenWriteMs = 60_000

/** Keeps devices; removing one takes its handsets, lines, bindings and sign-ins with it. */
export function createDeviceStore(
  context: StoreContext,
  lines: LineMemory,
  bindings: BindingMemory,
): DeviceStore {
  const { database, group, memory, logger } = context
  const find = database.prepare<[string], Row>(`SELECT ${columns} FROM devices WHERE id = ?`)
  const findByMac = database.prepare<[string], Row>(`SELECT ${columns} FROM devices WHERE mac = ?`)
  const list = database.prepare<[], Row>(`SELECT ${columns} FROM devices ORDER BY label, id`)
  const findByIpei = database.prepare<[string], Row>(`SELECT ${columns} FROM devices WHERE ipei = ?`)
  const children = database.prepare<[string], Row>(
    `SELECT ${columns} FROM devices WHERE parent_id = ? ORDER BY label, id`,
  )
  const upsert = database.prepare<[Row]>(`
    INSERT INTO devices (${columns}) VALUES (${binds})
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, label = excluded.label, mac = excluded.mac,
      ipei = excluded.ipei, parent_id = excluded.parent_id, vendor = excluded.vendor, model = excluded.model,
      firmware = excluded.firmware, location = excluded.location, state = excluded.state,
      last_seen_at_ms = excluded.last_seen_at_ms`)
  const noteSeen = database.prepare<[number, string]>('UPDATE devices SET last_seen_at_ms = ? WHERE id = ?')
  const removeDevice = database.prepare<[string]>('DELETE FROM devices WHERE id = ?')
  /** The latest sighting, newer than the written one by up to a minute. */
  const seen = new Map<string, { atMs: number; writtenAtMs: number }>()

  const remove = database.transaction((id: string, aors: string[]) => {
    for (const aor of aors) bindings.deleteRow(aor)
    removeDevice.run(id)
  })

  const toDevice = (row: Row): Device => ({
    id: row.id,
    kind: row.kind as Device['kind'],
    label: row.label,
    mac: row.mac ?? undefined,
    ipei: row.ipei ?? undefined,
    parentId: row.parent_id ?? undefined,
    vendor: row.vendor ?? undefined,
    model: row.model ?? undefined,
    firmware: row.firmware ?? undefined,
    location: row.location ?? undefined,
    state: row.state as Device['state'],
    createdAtMs: row.created_at_ms,
    lastSeenAtMs: seen.get(row.id)?.atMs ?? row.last_seen_at_ms ?? undefined,
  })
  const mapped = (row: Row | undefined): Device | undefined => row && toDevice(row)
  const rowOf = memory.remember((id) => guarded(() => find.get(id)))

  return {
    find: (id) => mapped(rowOf(id)),
    findByMac: (mac) => guarded(() => mapped(findByMac.get(mac))),
    findByIpei: (ipei) => guarded(() => mapped(findByIpei.get(ipei))),
    list: () => guarded(() => list.all().map(toDevice)),
    listChildren: (parentId) => guarded(() => children.all(parentId).map(toDevice)),
    save(device) {
      guarded(() =>
        upsert.run({
          id: device.id,
          kind: device.kind,
          label: device.label,
          mac: device.mac ?? null,
          ipei: device.ipei ?? null,
          parent_id: device.parentId ?? null,
          vendor: device.vendor ?? null,
          model: device.model ?? null,
          firmware: device.firmware ?? null,
          location: device.location ?? null,
          state: device.state,
          created_at_ms: device.createdAtMs,
          last_seen_at_ms: device.lastSeenAtMs ?? null,
        }),
      )
      seen.delete(device.id)
      memory.forget()
    },
    remove(id) {
      // What waits must be written first, or it would bring back bindings of this device.
      group.flush()
      const handsets = guarded(() => children.all(id).map((row) => row.id))
      const aors = [id, ...handsets].flatMap((deviceId) => lines.usernamesOf(deviceId))
      guarded(() => remove.immediate(id, aors))
      lines.forget(aors)
      bindings.forget(aors)
      for (const deviceId of [id, ...handsets]) seen.delete(deviceId)
      memory.forget()
    },
    noteSeen(id, atMs) {
      const last = seen.get(id)
      if (last && atMs - last.writtenAtMs < seenWriteMs && atMs >= last.writtenAtMs) {
        last.atMs = atMs
        return
      }
      const entry = { atMs, writtenAtMs: atMs }
      seen.set(id, entry)
      group.join({ write: () => noteSeen.run(atMs, id), oneStatement: true }).catch((error: unknown) => {
        // The next sighting tries again.
        entry.writtenAtMs = -Infinity
        logger.warn({ deviceId: id, reason: errorText(error) }, 'a sighting was not written')
      })
    },
  }
}
