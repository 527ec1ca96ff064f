import { ApplianceError } from '#src/base/errors.ts'
import type { Line, LineSecrets } from '#src/model/line.ts'
import type { BindingMemory } from './binding-store.ts'
import type { StoreContext } from './context.ts'
import type { DeviceStates } from './device-states.ts'
import { computeLineSecrets } from './line-secrets.ts'
import type { LineStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  id: string
  device_id: string
  username: string
  label: string
  created_at_ms: number
  sealed_password: Buffer
}

interface Entry {
  line: Line
  secrets: LineSecrets
}

/** What the other repositories may ask of the lines that are held in memory. */
export interface LineMemory {
  usernamesOf(deviceId: string): string[]
  /** Called after their rows were deleted and committed. */
  forget(usernames: string[]): void
}

/**
 * Keeps SIP accounts. All of them stand in memory with their digest secrets, so that a REGISTER needs
 * neither the disk nor a cipher; the passwords themselves stay sealed.
 */
export class SqliteLineStore implements LineStore, LineMemory {
  readonly #context: StoreContext
  readonly #bindings: BindingMemory
  readonly #byUsername = new Map<string, Entry>()
  readonly #byId = new Map<string, Entry>()
  readonly #selectAll
  readonly #selectSealed
  readonly #insert
  readonly #update
  readonly #updateLabel
  readonly #remove
  #realm: string

  constructor(context: StoreContext, bindings: BindingMemory, deviceStates: DeviceStates, realm: string) {
    const { database } = context
    this.#context = context
    this.#bindings = bindings
    this.#realm = realm
    this.#selectAll = database.prepare<[], Row>('SELECT * FROM lines ORDER BY created_at_ms, id')
    this.#selectSealed = database.prepare<[string], Pick<Row, 'sealed_password'>>(
      'SELECT sealed_password FROM lines WHERE id = ?',
    )
    this.#insert = database.prepare<[string, string, string, string, number, Buffer]>(
      'INSERT INTO lines (id, device_id, username, label, created_at_ms, sealed_password) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#update = database.prepare<[Buffer, string]>('UPDATE lines SET sealed_password = ? WHERE id = ?')
    this.#updateLabel = database.prepare<[string, string]>('UPDATE lines SET label = ? WHERE id = ?')
    const removeLine = database.prepare<[string]>('DELETE FROM lines WHERE id = ?')
    this.#remove = database.transaction((line: Line) => {
      bindings.deleteRow(line.username)
      removeLine.run(line.id)
      deviceStates.refresh(line.deviceId)
    })
  }

  /** Reads every line and computes its secrets; throws SEAL_KEY_MISSING when the key does not fit. */
  load(): void {
    for (const row of guarded(() => this.#selectAll.all())) {
      const password = this.#context.sealer.open(row.sealed_password, place(row.id))
      this.#remember(
        {
          id: row.id,
          deviceId: row.device_id,
          username: row.username,
          label: row.label,
          createdAtMs: row.created_at_ms,
        },
        password,
      )
    }
  }

  find(id: string): Line | undefined {
    return this.#byId.get(id)?.line
  }

  findByUsername(username: string): Line | undefined {
    return this.#byUsername.get(username)?.line
  }

  list(): Line[] {
    return [...this.#byId.values()].map((entry) => entry.line)
  }

  listByDevice(deviceId: string): Line[] {
    return this.list().filter((line) => line.deviceId === deviceId)
  }

  add(line: Line, password: string): void {
    const sealed = this.#context.sealer.seal(password, place(line.id))
    guarded(() =>
      this.#insert.run(line.id, line.deviceId, line.username, line.label, line.createdAtMs, sealed),
    )
    this.#remember(line, password)
  }

  setPassword(id: string, password: string): void {
    const entry = this.#byId.get(id)
    if (!entry) throw new ApplianceError('NOT_FOUND', { lineId: id })
    const sealed = this.#context.sealer.seal(password, place(id))
    guarded(() => this.#update.run(sealed, id))
    this.#remember(entry.line, password)
  }

  setLabel(id: string, label: string): void {
    const entry = this.#byId.get(id)
    if (!entry) throw new ApplianceError('NOT_FOUND', { lineId: id })
    guarded(() => this.#updateLabel.run(label, id))
    const renamed: Entry = { line: Object.freeze({ ...entry.line, label }), secrets: entry.secrets }
    this.#byUsername.set(entry.line.username, renamed)
    this.#byId.set(id, renamed)
  }

  password(id: string): string | undefined {
    const row = guarded(() => this.#selectSealed.get(id))
    return row && this.#context.sealer.open(row.sealed_password, place(id))
  }

  secrets(username: string): LineSecrets | undefined {
    return this.#byUsername.get(username)?.secrets
  }

  useRealm(realm: string): void {
    if (realm === this.#realm) return
    const passwords = this.list().map((line) => ({ line, password: this.password(line.id) }))
    this.#realm = realm
    for (const { line, password } of passwords) if (password !== undefined) this.#remember(line, password)
  }

  remove(id: string): void {
    const line = this.find(id)
    if (!line) return
    // What waits must be written first, or it would bring back bindings of this line.
    this.#context.group.flush()
    guarded(() => this.#remove.immediate(line))
    this.forget([line.username])
    this.#bindings.forget([line.username])
    this.#context.memory.forget()
  }

  usernamesOf(deviceId: string): string[] {
    return this.listByDevice(deviceId).map((line) => line.username)
  }

  forget(usernames: string[]): void {
    for (const username of usernames) {
      const entry = this.#byUsername.get(username)
      this.#byUsername.delete(username)
      if (entry) this.#byId.delete(entry.line.id)
    }
  }

  #remember(line: Line, password: string): void {
    const entry: Entry = {
      line: Object.freeze({ ...line }),
      secrets: Object.freeze(computeLineSecrets(line.username, this.#realm, password)),
    }
    this.#byUsername.set(line.username, entry)
    this.#byId.set(line.id, entry)
  }
}

function place(lineId: string): string {
  return `lines/${lineId}`
}
