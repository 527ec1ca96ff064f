import { createHash } from 'node:crypto'
import type { DeviceAccess } from '#src/model/device-access.ts'
import type { StoreContext } from './context.ts'
import type { DeviceAccessStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  device_id: string
  sealed_token: Buffer
  sealed_admin_password: Buffer
  handed_over_at_ms: number | null
  handed_over_to: string | null
  fetched_at_ms: number | null
}

const columns =
  'device_id, sealed_token, sealed_admin_password, handed_over_at_ms, handed_over_to, fetched_at_ms'

/** Keeps the secret of each device's provisioning URL: sealed, and found again by its SHA-256. */
export function createDeviceAccessStore(context: StoreContext): DeviceAccessStore {
  const { database, sealer } = context
  const find = database.prepare<[string], Row>(`SELECT ${columns} FROM device_access WHERE device_id = ?`)
  const findByDigest = database.prepare<[Buffer], Row>(
    `SELECT ${columns} FROM device_access WHERE token_digest = ?`,
  )
  const upsert = database.prepare<
    [string, Buffer, Buffer, number | null, string | null, number | null, Buffer]
  >(`INSERT OR REPLACE INTO device_access (${columns}, token_digest) VALUES (?, ?, ?, ?, ?, ?, ?)`)
  const noteFetched = database.prepare<[number, string]>(
    'UPDATE device_access SET fetched_at_ms = ? WHERE device_id = ?',
  )
  const remove = database.prepare<[string]>('DELETE FROM device_access WHERE device_id = ?')

  const toAccess = (row: Row): DeviceAccess => ({
    deviceId: row.device_id,
    token: sealer.open(row.sealed_token, tokenPlace(row.device_id)),
    adminPassword: sealer.open(row.sealed_admin_password, passwordPlace(row.device_id)),
    handedOverAtMs: row.handed_over_at_ms ?? undefined,
    handedOverTo: row.handed_over_to ?? undefined,
    fetchedAtMs: row.fetched_at_ms ?? undefined,
  })

  return {
    find(deviceId) {
      const row = guarded(() => find.get(deviceId))
      return row && toAccess(row)
    },
    findByToken(token) {
      const row = guarded(() => findByDigest.get(digest(token)))
      return row && toAccess(row)
    },
    save(access) {
      const { deviceId } = access
      guarded(() =>
        upsert.run(
          deviceId,
          sealer.seal(access.token, tokenPlace(deviceId)),
          sealer.seal(access.adminPassword, passwordPlace(deviceId)),
          access.handedOverAtMs ?? null,
          access.handedOverTo ?? null,
          access.fetchedAtMs ?? null,
          digest(access.token),
        ),
      )
    },
    noteFetched(deviceId, atMs) {
      guarded(() => noteFetched.run(atMs, deviceId))
    },
    remove(deviceId) {
      guarded(() => remove.run(deviceId))
    },
  }
}

/** Looking a secret up by its digest: the index compares nothing that a stranger could measure and use. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function tokenPlace(deviceId: string): string {
  return `device_access/${deviceId}/token`
}

function passwordPlace(deviceId: string): string {
  return `device_access/${deviceId}/admin-password`
}
