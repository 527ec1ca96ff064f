import type { Enrolment } from '#src/model/enrolment.ts'
import type { StoreContext } from './context.ts'
import type { EnrolmentStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  id: string
  sealed_code: Buffer
  mac: string | null
  ipei: string | null
  label: string
  location: string
  created_at_ms: number
  expires_at_ms: number
  used_at_ms: number | null
  device_id: string | null
}

const columns =
  'id, sealed_code, mac, ipei, label, location, created_at_ms, expires_at_ms, used_at_ms, device_id'

/** Keeps announced common area phones and their sealed codes. */
export function createEnrolmentStore(context: StoreContext): EnrolmentStore {
  const { database, sealer } = context
  const find = database.prepare<[string], Row>(`SELECT ${columns} FROM enrolments WHERE id = ?`)
  const findByMac = database.prepare<[string], Row>(`SELECT ${columns} FROM enrolments WHERE mac = ?`)
  const findByIpei = database.prepare<[string], Row>(`SELECT ${columns} FROM enrolments WHERE ipei = ?`)
  const list = database.prepare<[], Row>(
    `SELECT ${columns} FROM enrolments ORDER BY created_at_ms, label, id`,
  )
  const insert = database.prepare<
    [
      string,
      Buffer,
      string | null,
      string | null,
      string,
      string,
      number,
      number,
      number | null,
      string | null,
    ]
  >(`INSERT INTO enrolments (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const remove = database.prepare<[string]>('DELETE FROM enrolments WHERE id = ?')
  const removeSame = database.prepare<[string, string | null, string | null]>(
    'DELETE FROM enrolments WHERE id = ? OR mac = ? OR ipei = ?',
  )
  const saveAll = database.transaction((enrolments: readonly Enrolment[]) => {
    for (const enrolment of enrolments) {
      const { id, mac = null, ipei = null } = enrolment
      removeSame.run(id, mac, ipei)
      insert.run(
        id,
        sealer.seal(enrolment.code, place(id)),
        mac,
        ipei,
        enrolment.label,
        enrolment.location,
        enrolment.createdAtMs,
        enrolment.expiresAtMs,
        enrolment.usedAtMs ?? null,
        enrolment.deviceId ?? null,
      )
    }
  })

  const toEnrolment = (row: Row): Enrolment => ({
    id: row.id,
    code: sealer.open(row.sealed_code, place(row.id)),
    mac: row.mac ?? undefined,
    ipei: row.ipei ?? undefined,
    label: row.label,
    location: row.location,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    usedAtMs: row.used_at_ms ?? undefined,
    deviceId: row.device_id ?? undefined,
  })
  const mapped = (row: Row | undefined): Enrolment | undefined => row && toEnrolment(row)

  return {
    find: (id) => guarded(() => mapped(find.get(id))),
    findByMac: (mac) => guarded(() => mapped(findByMac.get(mac))),
    findByIpei: (ipei) => guarded(() => mapped(findByIpei.get(ipei))),
    list: () => guarded(() => list.all().map(toEnrolment)),
    saveAll(enrolments) {
      guarded(() => saveAll.immediate(enrolments))
    },
    remove(id) {
      guarded(() => remove.run(id))
    },
  }
}

function place(id: string): string {
  return `enrolments/${id}`
}
