import type { SettingsField } from '#src/api/schema/settings.ts'

/** What was typed, by path; a path that is not here is unchanged. An empty text takes the default back. */
export type Edits = Readonly<Record<string, string | undefined>>

const titles: Record<string, string> = {
  '': 'Box',
  tenant: 'Tenant',
  site: 'Site',
  sip: 'SIP',
  media: 'Media',
  page: 'Setup page',
  provisioning: 'Provisioning',
  console: 'Maintenance console',
  trace: 'Signalling',
  log: 'Log',
}
const order = ['tenant', 'site', '', 'sip', 'media', 'provisioning', 'page', 'console', 'trace', 'log']

/** The fields by theme, what an admin needs first at the top. */
export function groupsOf(fields: readonly SettingsField[]): { title: string; fields: SettingsField[] }[] {
  const groups = Map.groupBy(fields, ({ path }) =>
    path.includes('.') ? path.slice(0, path.indexOf('.')) : '',
  )
  const rank = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length)
  return [...groups]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([key, members]) => ({ title: titles[key] ?? key, fields: members }))
}

/** A field's value as it stands in its input. */
export function shownValue(field: SettingsField): string {
  return field.kind === 'json' && field.value !== null ? JSON.stringify(field.value) : asText(field.value)
}

/** The text of a value: lists with commas, nothing for null. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(asText).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The edits as a merge patch (RFC 7396): nested by path, null for "back to the default". */
export function patchOf(fields: readonly SettingsField[], edits: Edits): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const field of fields) {
    const edit = edits[field.path]
    if (edit === undefined) continue
    put(patch, field.path.split('.'), valueOf(field, edit))
  }
  return patch
}

/** A merge patch that takes saved settings out, whatever they hold. */
export function removalOf(paths: readonly string[]): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const path of paths) put(patch, path.split('.'), null)
  return patch
}

function put(into: Record<string, unknown>, keys: string[], value: unknown): void {
  const [key = '', ...rest] = keys
  if (rest.length === 0) {
    into[key] = value
    return
  }
  const inner = (into[key] ?? {}) as Record<string, unknown>
  into[key] = inner
  put(inner, rest, value)
}

function valueOf(field: SettingsField, text: string): unknown {
  const trimmed = text.trim()
  if (trimmed === '') return null
  switch (field.kind) {
    case 'boolean':
      return trimmed === 'true'
    case 'integer':
      // Not a number stays text: the box then says which field is wrong.
      return /^-?\d+$/.test(trimmed) ? Number(trimmed) : trimmed
    case 'json':
      return parsed(trimmed)
    case 'list':
      return trimmed.split(/[\s,;]+/).filter(Boolean)
    default:
      return trimmed
  }
}

/** What is no JSON stays text: the box then says what it expects. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
