import type { Database, Statement } from 'better-sqlite3'
import type { Clock, Timer } from '#src/base/clock.ts'
import { sqliteCode, toStoreError } from './store-errors.ts'

/** One change that waits for the next shared transaction. */
interface Member {
  /** Runs inside the transaction. */
  write: () => unknown
  oneStatement: boolean
  /** Runs after the commit, before the promise resolves. */
  committed: ((result: never) => void) | undefined
  resolve: (result: never) => void
  reject: (error: Error) => void
}

/** What takes part in a shared transaction. */
export interface GroupMember<Result> {
  /** Does its SQL; a throw undoes this member's SQL alone and rejects its promise with what was thrown. */
  write: () => Result
  /** True: `write` does one statement and nothing that can fail behind it, so there is never anything to undo. */
  oneStatement?: boolean
  /** Takes the result into memory: only called once it is on disk. */
  committed?: (result: Result) => void
}

/** Called around each batch, so that a repository can drop what it staged. */
export interface BatchListener {
  /** The batch is over: committed or rolled back. */
  batchEnded(): void
}

/**
 * Lets frequent small changes share one transaction and so one wait for the disk. A lone change is written in
 * the same turn of the event loop; while changes keep coming, a batch is opened at most every `windowMs`, and
 * on a slow disk less often, so that waiting for it never takes more than a third of the time.
 */
export class GroupCommit {
  readonly #database: Database
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #begin: Statement<[]>
  readonly #commit: Statement<[]>
  readonly #rollback: Statement<[]>
  readonly #savepoint: Statement<[]>
  readonly #release: Statement<[]>
  readonly #rollbackTo: Statement<[]>
  readonly #listeners: BatchListener[] = []
  #waiting: Member[] = []
  #immediate: NodeJS.Immediate | undefined
  #timer: Timer | undefined
  #nextAtMs = -Infinity

  /** `clock` paces the disk; it is the real one also where the rest of a test runs on a fake clock. */
  constructor(database: Database, clock: Clock, windowMs: number) {
    this.#database = database
    this.#clock = clock
    this.#windowMs = windowMs
    this.#begin = database.prepare<[]>('BEGIN IMMEDIATE')
    this.#commit = database.prepare<[]>('COMMIT')
    this.#rollback = database.prepare<[]>('ROLLBACK')
    this.#savepoint = database.prepare<[]>('SAVEPOINT member')
    this.#release = database.prepare<[]>('RELEASE member')
    this.#rollbackTo = database.prepare<[]>('ROLLBACK TO member')
  }

  /** Adds somebody who stages state during a batch. */
  listen(listener: BatchListener): void {
    this.#listeners.push(listener)
  }

  /** Joins the next batch; settles after its commit, with what `write` returned. */
  join<Result>(member: GroupMember<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const { write, committed, oneStatement = false } = member
      this.#waiting.push({ write, committed, oneStatement, resolve, reject })
      this.#schedule()
    })
  }

  /** Writes what waits now; for close, and before a change that must come after it. */
  flush(): void {
    if (this.#immediate) clearImmediate(this.#immediate)
    this.#immediate = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    const members = this.#waiting
    if (members.length === 0) return
    this.#waiting = []
    const startedMs = this.#clock.monotonicMs()
    this.#run(members)
    const endedMs = this.#clock.monotonicMs()
    this.#nextAtMs = endedMs + Math.max(this.#windowMs, 2 * (endedMs - startedMs))
  }

  #schedule(): void {
    if (this.#immediate || this.#timer) return
    const waitMs = this.#nextAtMs - this.#clock.monotonicMs()
    if (waitMs > 0) this.#timer = this.#clock.setTimer(waitMs, () => this.flush())
    else this.#immediate = setImmediate(() => this.flush())
  }

  #run(members: Member[]): void {
    const done: { member: Member; result: unknown }[] = []
    try {
      this.#begin.run()
      for (const member of members) this.#runMember(member, done)
      this.#commit.run()
    } catch (error) {
      this.#undo()
      for (const listener of this.#listeners) listener.batchEnded()
      const failure = toStoreError(error)
      // Members that failed by themselves were rejected already; a second rejection has no effect.
      for (const member of members) member.reject(failure)
      return
    }
    for (const { member, result } of done) member.committed?.(result as never)
    for (const listener of this.#listeners) listener.batchEnded()
    for (const { member, result } of done) member.resolve(result as never)
  }

  #runMember(member: Member, done: { member: Member; result: unknown }[]): void {
    const undoable = !member.oneStatement
    if (undoable) this.#savepoint.run()
    try {
      const result = member.write()
      if (undoable) this.#release.run()
      done.push({ member, result })
    } catch (error) {
      // A full disk or an I/O error can make SQLite roll the whole transaction back by itself.
      if (!this.#database.inTransaction) throw error
      if (undoable) {
        this.#rollbackTo.run()
        this.#release.run()
      }
      member.reject(sqliteCode(error) === undefined ? asError(error) : toStoreError(error))
    }
  }

  #undo(): void {
    if (!this.#database.open || !this.#database.inTransaction) return
    try {
      this.#rollback.run()
    } catch {
      // SQLite has ended the transaction itself; nothing of it is on disk.
    }
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
