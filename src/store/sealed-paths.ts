import type { Sealer } from './seal.ts'

/** A settings document: plain JSON. */
export type Document = Record<string, unknown>

const mark = '$sealed'

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy in which `replace` changed the value at a dotted path, when there is one. */
function replaceAt(
  document: Document,
  keys: readonly string[],
  replace: (value: unknown) => unknown,
): Document {
  const [key, ...rest] = keys
  if (key === undefined || document[key] === undefined) return document
  const value = document[key]
  if (rest.length === 0) return { ...document, [key]: replace(value) }
  return isDocument(value) ? { ...document, [key]: replaceAt(value, rest, replace) } : document
}

/** Seals the texts at the secret paths of a settings document. */
export function sealPaths(document: Document, paths: readonly string[], sealer: Sealer): Document {
  let sealed = document
  for (const path of paths) {
    sealed = replaceAt(sealed, path.split('.'), (value) =>
      typeof value === 'string'
        ? { [mark]: sealer.seal(value, `settings/${path}`).toString('base64') }
        : value,
    )
  }
  return sealed
}

/** Opens what `sealPaths` sealed. */
export function openPaths(document: Document, paths: readonly string[], sealer: Sealer): Document {
  let open = document
  for (const path of paths) {
    open = replaceAt(open, path.split('.'), (value) =>
      isDocument(value) && typeof value[mark] === 'string'
        ? sealer.open(Buffer.from(value[mark], 'base64'), `settings/${path}`)
        : value,
    )
  }
  return open
}
