import type { User } from '#src/model/user.ts'
import type { StoreContext } from './context.ts'
import type { DeviceStates } from './device-states.ts'
import type { UserStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  id: string
  tenant_id: string
  upn: string
  display_name: string
  number: string | null
  licensed: number
  lab: number
  updated_at_ms: number
}

const columns = 'id, tenant_id, upn, display_name, number, licensed, lab, updated_at_ms'

function toUser(row: Row): User {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    upn: row.upn,
    displayName: row.display_name,
    number: row.number ?? undefined,
    licensed: row.licensed !== 0,
    lab: row.lab !== 0,
    updatedAtMs: row.updated_at_ms,
  }
}

/** The SQL that saves a user, also used by the sign-in that saves user and pairing together. */
export function prepareSaveUser(database: StoreContext['database']): (user: User) => void {
  const upsert = database.prepare<[string, string, string, string, string | null, number, number, number]>(`
    INSERT INTO users (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.tenant_id, upn = excluded.upn,
      display_name = excluded.display_name, number = excluded.number, licensed = excluded.licensed,
      lab = excluded.lab, updated_at_ms = excluded.updated_at_ms`)
  return (user) => {
    upsert.run(
      user.id,
      user.tenantId,
      user.upn,
      user.displayName,
      user.number ?? null,
      Number(user.licensed),
      Number(user.lab),
      user.updatedAtMs,
    )
  }
}

/** Keeps the Entra accounts that the box knows. */
export function createUserStore(context: StoreContext, deviceStates: DeviceStates): UserStore {
  const { database, memory } = context
  const save = prepareSaveUser(database)
  const find = database.prepare<[string], Row>(`SELECT ${columns} FROM users WHERE id = ?`)
  // Two tenants may know the same number (the lab beside the real one): the one read last counts.
  const findByNumber = database.prepare<[string], Row>(
    `SELECT ${columns} FROM users WHERE number = ? ORDER BY updated_at_ms DESC, id LIMIT 1`,
  )
  const list = database.prepare<[], Row>(`SELECT ${columns} FROM users ORDER BY display_name, id`)
  const devicesOf = database.prepare<[string], { device_id: string }>(
    'SELECT DISTINCT device_id FROM lines JOIN sign_ins ON line_id = lines.id WHERE user_id = ?',
  )
  const removeUser = database.prepare<[string]>('DELETE FROM users WHERE id = ?')
  const removePolicy = database.prepare<[string]>('DELETE FROM calling_policies WHERE scope = ?')
  const remove = database.transaction((id: string) => {
    const devices = devicesOf.all(id)
    removeUser.run(id)
    removePolicy.run(id)
    for (const { device_id } of devices) deviceStates.refresh(device_id)
  })

  return {
    find: memory.remember((id) => guarded(() => mapped(find.get(id)))),
    findByNumber: memory.remember((number) => guarded(() => mapped(findByNumber.get(number)))),
    list: () => guarded(() => list.all().map(toUser)),
    save: (user) => memory.changing(() => guarded(() => save(user))),
    remove: (id) => memory.changing(() => guarded(() => remove.immediate(id))),
  }
}

function mapped(row: Row | undefined): User | undefined {
  return row && toUser(row)
}
