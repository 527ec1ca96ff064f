import type { StoreContext } from './context.ts'
import type { SecretStore } from './store.ts'
import { guarded } from './store-errors.ts'

/** Keeps sealed texts by name. */
export function createSecretStore(context: StoreContext): SecretStore {
  const { database, sealer } = context
  const select = database.prepare<[string], { sealed: Buffer }>('SELECT sealed FROM secrets WHERE name = ?')
  const upsert = database.prepare<[string, Buffer]>(
    'INSERT OR REPLACE INTO secrets (name, sealed) VALUES (?, ?)',
  )
  const remove = database.prepare<[string]>('DELETE FROM secrets WHERE name = ?')

  return {
    get(name) {
      const row = guarded(() => select.get(name))
      return row && sealer.open(row.sealed, place(name))
    },
    set(name, value) {
      guarded(() => upsert.run(name, sealer.seal(value, place(name))))
    },
    remove(name) {
      guarded(() => remove.run(name))
    },
  }
}

function place(name: string): string {
  return `secrets/${name}`
}
