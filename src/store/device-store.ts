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
  state: string
  created_at_ms: number
  last_seen_at_ms: number | null
}

const columns = 'id, kind, label, mac, state, created_at_ms, last_seen_at_ms'
/** A sighting is written when the last written one is at least this old. */
const seenWriteMs = 60_000

/** Keeps devices; removing one takes its lines, bindings and sign-ins with it. */
export function createDeviceStore(
  context: StoreContext,
  lines: LineMemory,
  bindings: BindingMemory,
): DeviceStore {
  const { database, group, memory, logger } = context
  const find = database.prepare<[string], Row>(`SELECT ${columns} FROM devices WHERE id = ?`)
  const findByMac = database.prepare<[string], Row>(`SELECT ${columns} FROM devices WHERE mac = ?`)
  const list = database.prepare<[], Row>(`SELECT ${columns} FROM devices ORDER BY label, id`)
  const upsert = database.prepare<[string, string, string, string | null, string, number, number | null]>(`
    INSERT INTO devices (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, label = excluded.label, mac = excluded.mac,
      state = excluded.state, last_seen_at_ms = excluded.last_seen_at_ms`)
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
    state: row.state as Device['state'],
    createdAtMs: row.created_at_ms,
    lastSeenAtMs: seen.get(row.id)?.atMs ?? row.last_seen_at_ms ?? undefined,
  })
  const mapped = (row: Row | undefined): Device | undefined => row && toDevice(row)
  const rowOf = memory.remember((id) => guarded(() => find.get(id)))

  return {
    find: (id) => mapped(rowOf(id)),
    findByMac: (mac) => guarded(() => mapped(findByMac.get(mac))),
    list: () => guarded(() => list.all().map(toDevice)),
    save(device) {
      guarded(() =>
        upsert.run(
          device.id,
          device.kind,
          device.label,
          device.mac ?? null,
          device.state,
          device.createdAtMs,
          device.lastSeenAtMs ?? null,
        ),
      )
      seen.delete(device.id)
      memory.forget()
    },
    remove(id) {
      // What waits must be written first, or it would bring back bindings of this device.
      group.flush()
      const aors = lines.usernamesOf(id)
      guarded(() => remove.immediate(id, aors))
      lines.forget(aors)
      bindings.forget(aors)
      seen.delete(id)
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
