import type { SettingsField } from '../schema/settings.ts'

type Json = Record<string, unknown>

/**
 * Flattens the settings schema into fields with their values, in the schema's order. The schema is the one
 * place that knows titles, limits and when a change applies.
 */
export function viewSettings(schema: object, document: Json, effective: Json): SettingsField[] {
  return fieldsOf(asObject(schema), document, effective, { path: '', applies: 'live', optional: false })
}

interface Above {
  path: string
  applies: SettingsField['applies']
  optional: boolean
}

function fieldsOf(schema: Json, saved: unknown, effective: unknown, above: Above): SettingsField[] {
  const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : [])
  return Object.entries(asObject(schema.properties)).flatMap(([name, child]) => {
    const property = asObject(child)
    const here: Above = {
      path: above.path === '' ? name : `${above.path}.${name}`,
      applies: appliesOf(property) ?? above.applies,
      optional: above.optional || !required.has(name),
    }
    const savedValue = asObject(saved)[name]
    const value = asObject(effective)[name]
    if (property.type === 'object') return fieldsOf(property, savedValue, value, here)
    return [fieldOf(property, savedValue, value, here)]
  })
}

function fieldOf(property: Json, saved: unknown, value: unknown, here: Above): SettingsField {
  return {
    path: here.path,
    title: typeof property.title === 'string' ? property.title : here.path,
    applies: here.applies,
    ...kindOf(property),
    minimum: numberOrNull(property.minimum),
    maximum: numberOrNull(property.maximum),
    pattern: typeof property.pattern === 'string' ? property.pattern : null,
    optional: here.optional && property.default === undefined,
    secret: property['x-secret'] === true,
    default: property.default ?? null,
    value: property['x-secret'] === true ? null : (value ?? null),
    saved: saved !== undefined,
  }
}

function kindOf(property: Json): Pick<SettingsField, 'kind' | 'choices'> {
  if (Array.isArray(property.anyOf)) {
    return { kind: 'choice', choices: property.anyOf.map((one) => String(asObject(one).const)) }
  }
  // A list of groups has no short form: it is written as in the configuration file.
  if (asObject(property.items).type === 'object') return { kind: 'json', choices: [] }
  const kinds: Record<string, SettingsField['kind']> = {
    integer: 'integer',
    number: 'integer',
    boolean: 'boolean',
    array: 'list',
  }
  return { kind: kinds[String(property.type)] ?? 'text', choices: [] }
}

function appliesOf(property: Json): SettingsField['applies'] | undefined {
  const applies = property['x-applies']
  return applies === 'live' || applies === 'sip' || applies === 'reboot' ? applies : undefined
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}
