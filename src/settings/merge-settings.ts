/** A partial settings document: plain JSON. */
export type Document = Record<string, unknown>

/** True for a JSON object (not a list, not null). */
export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Lays `over` on `base`, group by group; lists and values are replaced whole. Changes neither. */
export function overlay(base: Document, over: Document): Document {
  return merge(base, over, false)
}

/** Applies a merge patch (RFC 7396): as `overlay`, and null takes a value out. Groups left empty go too. */
export function mergePatch(document: Document, patch: Document): Document {
  return merge(document, patch, true)
}

function merge(base: Document, over: Document, nullRemoves: boolean): Document {
  const merged: Document = { ...base }
  for (const [name, value] of Object.entries(over)) {
    // Not by assignment: `__proto__` from a JSON text must stay a name like any other.
    if (nullRemoves && value === null) delete merged[name]
    else if (isDocument(value)) {
      const below = merge(ownDocument(merged, name), value, nullRemoves)
      if (nullRemoves && Object.keys(below).length === 0) delete merged[name]
      else define(merged, name, below)
    } else if (value !== undefined) define(merged, name, value)
  }
  return merged
}

function ownDocument(document: Document, name: string): Document {
  const value = Object.hasOwn(document, name) ? document[name] : undefined
  return isDocument(value) ? value : {}
}

function define(document: Document, name: string, value: unknown): void {
  Object.defineProperty(document, name, { value, enumerable: true, writable: true, configurable: true })
}

/** The value at a dotted path. */
export function valueAt(document: Document, path: string): unknown {
  let value: unknown = document
  for (const key of path.split('.'))
    value = isDocument(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}
