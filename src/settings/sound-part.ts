import { ApplianceError } from '#src/base/errors.ts'
import type { Settings } from '#src/model/settings.ts'
import type { SettingProblem } from './describe-error.ts'
import { savedSource, type SourcedProblem } from './load-configuration.ts'
import { mergePatch, valueAt, type Document } from './merge-settings.ts'

/** A saved document as far as it can be used. */
export interface SoundPart {
  settings: Settings
  /** What had to be left out, each with the path that is to be taken out to mend it. */
  problems: SettingProblem[]
}

/**
 * Loads a saved document that may be wrong in places (written by a later version, or for a file that is gone): what
 * is wrong is left out and named, so that the page can show the rest and mend it. Throws what `load` throws when
 * the fault lies in another source, where nothing saved can mend it.
 */
export function soundPart(saved: Document, load: (document: Document) => Settings): SoundPart {
  const problems: SettingProblem[] = []
  let document = saved
  for (;;) {
    try {
      return { settings: load(document), problems }
    } catch (error) {
      const found = savedProblems(error).flatMap(({ field, text }) => {
        const path = presentPath(document, field)
        return path === undefined ? [] : [{ field: path, text }]
      })
      if (found.length === 0) throw error
      for (const { field } of found) document = mergePatch(document, removal(field))
      problems.push(...found)
    }
  }
}

/** A merge patch that takes one path out. */
function removal(path: string): Document {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), null) as Document
}

function savedProblems(error: unknown): SettingProblem[] {
  if (!(error instanceof ApplianceError) || error.code !== 'CONFIG_INVALID') return []
  const problems = (error.details.problems ?? []) as SourcedProblem[]
  return problems.filter(({ source }) => source === savedSource)
}

/** The path itself or the nearest group above it that the document has: a missing field goes with its group. */
function presentPath(document: Document, field: string): string | undefined {
  for (let path = field; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    if (valueAt(document, path) !== undefined) return path
  }
  return undefined
}
