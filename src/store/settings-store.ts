import { createHash } from 'node:crypto'
import { ApplianceError } from '#src/base/errors.ts'
import type { StoreContext } from './context.ts'
import { openPaths, sealPaths, type Document } from './sealed-paths.ts'
import type { SettingsStore } from './store.ts'
import { guarded } from './store-errors.ts'

interface Row {
  etag: string
  document: string
}

/** The etag of a box where nobody saved settings yet. */
const firstEtag = '0'
/** Former documents that are kept, for looking up what changed. */
const keptRevisions = 50

/**
 * Keeps the settings document. `secretPaths` are the fields that are sealed inside it, dotted.
 * A row has a state, so that a trial (a network change not yet confirmed) can stand beside the active one.
 */
export function createSettingsStore(context: StoreContext, secretPaths: readonly string[]): SettingsStore {
  const { database, sealer } = context
  const selectActive = database.prepare<[], Row>("SELECT etag, document FROM settings WHERE state = 'active'")
  const retire = database.prepare<[]>("UPDATE settings SET state = 'former' WHERE state = 'active'")
  const insert = database.prepare<[string, string, number]>(
    "INSERT INTO settings (etag, document, state, saved_at_ms) VALUES (?, ?, 'active', ?)",
  )
  const forget = database.prepare<[number]>(
    "DELETE FROM settings WHERE state = 'former' AND revision <= (SELECT max(revision) FROM settings) - ?",
  )

  const activate = database.transaction((document: Document, ifMatch: string) => {
    const etag = selectActive.get()?.etag ?? firstEtag
    if (etag !== ifMatch) {
      throw new ApplianceError(
        'CONFLICT',
        { etag, ifMatch },
        { advice: 'Read the settings again, then change them.' },
      )
    }
    const next = nextEtag(etag, document)
    retire.run()
    insert.run(next, JSON.stringify(sealPaths(document, secretPaths, sealer)), context.nowMs())
    forget.run(keptRevisions)
    return { etag: next }
  })

  return {
    active() {
      const row = guarded(() => selectActive.get())
      if (!row) return { document: {}, etag: firstEtag }
      return {
        document: openPaths(JSON.parse(row.document) as Document, secretPaths, sealer),
        etag: row.etag,
      }
    },
    activate: (document, ifMatch) => guarded(() => activate.immediate(document, ifMatch)),
  }
}

/** Different from every etag before it, also when the same document comes back later. */
function nextEtag(previous: string, document: Document): string {
  return createHash('sha256')
    .update(previous)
    .update(JSON.stringify(document))
    .digest('base64url')
    .slice(0, 16)
}
