import { secretSettings } from '#src/model/setting-fields.ts'
import { overlay, valueAt, type Document } from './merge-settings.ts'

/** What stands where a secret is set; sent back unchanged, it leaves the secret as it is. */
export const secretMask = '********'

/** A copy of a document in which every secret that is set is masked. */
export function maskSettings(document: Document): Document {
  return secretSettings().reduce<Document>(
    (masked, path) =>
      valueAt(document, path) === undefined ? masked : overlay(masked, documentFor(path, secretMask)),
    document,
  )
}

/** A copy of a patch without the masks that came back, and so without a change of those secrets. */
export function dropMasks(patch: Document): Document {
  return secretSettings().reduce<Document>(
    (kept, path) => (valueAt(patch, path) === secretMask ? without(kept, path) : kept),
    patch,
  )
}

function documentFor(path: string, value: unknown): Document {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Document
}

/** Takes one path out and leaves everything else, nulls included. */
function without(document: Document, path: string): Document {
  const [key = '', ...rest] = path.split('.')
  const { [key]: value, ...others } = document
  if (rest.length === 0) return others
  return { ...others, [key]: without(value as Document, rest.join('.')) }
}
