import type { AuditEntry } from '#src/model/audit-entry.ts'
import type { StoreContext } from './context.ts'
import type { AuditStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  id: number
  at_ms: number
  actor: string
  action: string
  subject: string
  details: string
}

const columns = 'id, at_ms, actor, action, subject, details'

function toEntry(row: Row): AuditEntry {
  return {
    id: row.id,
    atMs: row.at_ms,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    details: JSON.parse(row.details) as Record<string, unknown>,
  }
}

/** The audit log, and the housekeeping that bounds it. */
export interface BoundedAudit extends AuditStore {
  /** Deletes all but the latest `keep` entries. */
  prune(keep: number): void
}

/** Keeps who did what, latest first. */
export function createAuditStore(context: StoreContext): BoundedAudit {
  const { database } = context
  const insert = database.prepare<[number, string, string, string, string]>(
    'INSERT INTO audit (at_ms, actor, action, subject, details) VALUES (?, ?, ?, ?, ?)',
  )
  const page = database.prepare<[number, number], Row>(
    `SELECT ${columns} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`,
  )
  // Ids only grow and only the oldest are deleted, so counting back from the latest id is exact.
  const deleteOld = database.prepare<[number]>(
    'DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?',
  )

  return {
    add({ atMs, actor, action, subject, details }) {
      guarded(() => insert.run(atMs, actor, action, subject, JSON.stringify(details)))
    },
    list: ({ beforeId = Number.MAX_SAFE_INTEGER, limit }) =>
      guarded(() => page.all(beforeId, limit).map(toEntry)),
    prune(keep) {
      guarded(() => deleteOld.run(keep))
    },
  }
}
