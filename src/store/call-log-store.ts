import type { CallParty, CallRecord } from '#src/model/call-record.ts'
import type { StoreContext } from './context.ts'
import type { CallLogStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  id: string
  started_at_ms: number
  answered_at_ms: number | null
  ended_at_ms: number
  caller: string
  dialled: string
  callee: string | null
  cause: string
  sip_status: number
  explanation: string
}

const columns =
  'id, started_at_ms, answered_at_ms, ended_at_ms, caller, dialled, callee, cause, sip_status, explanation'

function toParty(json: string): CallParty {
  const party = JSON.parse(json) as Omit<CallParty, 'displayName'> & { displayName?: string }
  return { ...party, displayName: party.displayName }
}

function toRecord(row: Row): CallRecord {
  return {
    id: row.id,
    startedAtMs: row.started_at_ms,
    answeredAtMs: row.answered_at_ms ?? undefined,
    endedAtMs: row.ended_at_ms,
    caller: toParty(row.caller),
    dialled: row.dialled,
    callee: row.callee === null ? undefined : toParty(row.callee),
    cause: row.cause,
    sipStatus: row.sip_status,
    explanation: row.explanation,
  }
}

/** The call log, and the housekeeping that bounds it. */
export interface BoundedCallLog extends CallLogStore {
  /** Deletes all but the latest `keep` calls. */
  prune(keep: number): void
}

/** Keeps ended calls, latest first. */
export function createCallLogStore(context: StoreContext): BoundedCallLog {
  const { database, group } = context
  const insert = database.prepare<
    [string, number, number | null, number, string, string, string | null, string, number, string]
  >(`INSERT INTO calls (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const page = database.prepare<[number, number], Row>(
    `SELECT ${columns} FROM calls WHERE started_at_ms < ? ORDER BY started_at_ms DESC, id LIMIT ?`,
  )
  const sameStart = database.prepare<[number, string], Row>(
    `SELECT ${columns} FROM calls WHERE started_at_ms = ? AND id > ? ORDER BY id`,
  )
  const find = database.prepare<[string], Row>(`SELECT ${columns} FROM calls WHERE id = ?`)
  const count = database.prepare<[], { calls: number }>('SELECT count(*) AS calls FROM calls')
  const deleteOld = database.prepare<[number]>(
    'DELETE FROM calls WHERE id IN (SELECT id FROM calls ORDER BY started_at_ms DESC, id LIMIT -1 OFFSET ?)',
  )
  let calls = guarded(() => count.get())?.calls ?? 0

  return {
    async add(record) {
      await group.join({
        write: () =>
          insert.run(
            record.id,
            record.startedAtMs,
            record.answeredAtMs ?? null,
            record.endedAtMs,
            JSON.stringify(record.caller),
            record.dialled,
            record.callee === undefined ? null : JSON.stringify(record.callee),
            record.cause,
            record.sipStatus,
            record.explanation,
          ),
        oneStatement: true,
        committed: () => calls++,
      })
    },
    list({ beforeMs = Number.MAX_SAFE_INTEGER, limit }) {
      // Whoever has just heard a call end looks for it here, not for what was written a moment before.
      group.flush()
      return guarded(() => {
        const rows = page.all(beforeMs, limit)
        const last = rows.at(-1)
        // Pages are cut by start time: one that ended inside a millisecond would lose its other calls.
        if (last && rows.length === limit) rows.push(...sameStart.all(last.started_at_ms, last.id))
        return rows.map(toRecord)
      })
    },
    find(id) {
      group.flush()
      const row = guarded(() => find.get(id))
      return row && toRecord(row)
    },
    count: () => calls,
    prune(keep) {
      if (calls <= keep) return
      calls -= guarded(() => deleteOld.run(keep)).changes
    },
  }
}
