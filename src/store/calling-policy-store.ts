import { defaultCallingPolicy, type CallingPolicy } from '#src/model/calling-policy.ts'
import type { StoreContext } from './context.ts'
import type { CallingPolicyStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  scope: string
  allow_sip_devices_calling: number
  allow_call_redirect: number
  busy_on_busy: number
  emergency_location_required: number
}

const columns =
  'scope, allow_sip_devices_calling, allow_call_redirect, busy_on_busy, emergency_location_required'

function toPolicy(row: Row): CallingPolicy {
  return {
    scope: row.scope,
    allowSipDevicesCalling: row.allow_sip_devices_calling !== 0,
    allowCallRedirect: row.allow_call_redirect !== 0,
    busyOnBusy: row.busy_on_busy !== 0,
    emergencyLocationRequired: row.emergency_location_required !== 0,
  }
}

/** Keeps calling policies: one per user, and Global for everybody else. */
export function createCallingPolicyStore(context: StoreContext): CallingPolicyStore {
  const { database, memory } = context
  const find = database.prepare<[string], Row>(
    `SELECT ${columns} FROM calling_policies WHERE scope IN (?, 'Global') ORDER BY scope = 'Global' LIMIT 1`,
  )
  const list = database.prepare<[], Row>(
    `SELECT ${columns} FROM calling_policies ORDER BY scope <> 'Global', scope`,
  )
  const save = database.prepare<[string, number, number, number, number]>(
    `INSERT OR REPLACE INTO calling_policies (${columns}) VALUES (?, ?, ?, ?, ?)`,
  )
  const remove = database.prepare<[string]>('DELETE FROM calling_policies WHERE scope = ?')

  return {
    forUser: memory.remember((userId) => {
      const row = guarded(() => find.get(userId))
      return row ? toPolicy(row) : { ...defaultCallingPolicy }
    }),
    list: () => guarded(() => list.all().map(toPolicy)),
    save(policy) {
      memory.changing(() =>
        guarded(() =>
          save.run(
            policy.scope,
            Number(policy.allowSipDevicesCalling),
            Number(policy.allowCallRedirect),
            Number(policy.busyOnBusy),
            Number(policy.emergencyLocationRequired),
          ),
        ),
      )
    },
    remove(scope) {
      memory.changing(() => guarded(() => remove.run(scope)))
    },
  }
}
