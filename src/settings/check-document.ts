import { settingsSchema } from '#src/model/settings.ts'
import {
  describeExpected,
  nearestName,
  showValue,
  type ExpectedSchema,
  type SettingProblem,
} from './describe-error.ts'
import { isDocument, type Document } from './merge-settings.ts'

/**
 * Checks a partial settings document against the schema and lists everything that is wrong with it. Our own walk
 * and not a validator's: it gives each field one sentence with its path, and knows which name was probably meant.
 */
export function checkDocument(document: Document): SettingProblem[] {
  return checkObject(document, settingsSchema, '')
}

function checkObject(value: Document, schema: ExpectedSchema, prefix: string): SettingProblem[] {
  const properties = schema.properties ?? {}
  return Object.entries(value).flatMap(([name, item]) => {
    const field = prefix === '' ? name : `${prefix}.${name}`
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined
    return known ? checkValue(item, known, field) : [unknownField(name, field, properties, prefix)]
  })
}

function unknownField(
  name: string,
  field: string,
  properties: Record<string, ExpectedSchema>,
  prefix: string,
): SettingProblem {
  const nearest = nearestName(name, Object.keys(properties))
  const elsewhere = nearest === undefined ? findElsewhere(name, settingsSchema, '') : undefined
  const meant =
    elsewhere ?? (nearest === undefined ? undefined : prefix === '' ? nearest : `${prefix}.${nearest}`)
  const known = Object.keys(properties).join(', ')
  const hint = meant === undefined ? `Known here: ${known}.` : `Did you mean ${meant}?`
  return { field, text: `There is no such setting. ${hint}` }
}

/** A setting of this very name in another group: a value written one level too high or too low. */
function findElsewhere(name: string, schema: ExpectedSchema, prefix: string): string | undefined {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (key === name) return path
    const below = findElsewhere(name, child, path)
    if (below !== undefined) return below
  }
  return undefined
}

function checkValue(value: unknown, schema: ExpectedSchema, field: string): SettingProblem[] {
  const wrong = (found = showValue(value)): SettingProblem[] => [
    { field, text: `${found} is not allowed here: expected ${describeExpected(schema)}.` },
  ]
  if (schema.anyOf) return schema.anyOf.some((choice) => choice.const === value) ? [] : wrong()
  switch (schema.type) {
    case 'object':
      return isDocument(value) ? checkGroup(value, schema, field) : wrong()
    case 'array':
      if (!Array.isArray(value)) return wrong()
      if (value.length > (schema.maxItems ?? Infinity)) return wrong(`A list of ${value.length} entries`)
      return value.flatMap((item, index) =>
        schema.items ? checkValue(item, schema.items, `${field}.${index}`) : [],
      )
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong()
    case 'integer':
      return Number.isSafeInteger(value) && inRange(value as number, schema) ? [] : wrong()
    case 'number':
      return Number.isFinite(value) && inRange(value as number, schema) ? [] : wrong()
    default:
      return typeof value === 'string' && fitsText(value, schema) ? [] : wrong()
  }
}

/** Fields that have no default must be there as soon as their group is (a drachtio-server needs its address). */
function checkGroup(value: Document, schema: ExpectedSchema, field: string): SettingProblem[] {
  const missing = (schema.required ?? [])
    .filter((name) => value[name] === undefined && !hasDefault(schema.properties?.[name]))
    .map((name) => {
      const expected = schema.properties?.[name] ?? {}
      return { field: `${field}.${name}`, text: `This is missing: expected ${describeExpected(expected)}.` }
    })
  return [...checkObject(value, schema, field), ...missing]
}

function hasDefault(schema: (ExpectedSchema & { default?: unknown }) | undefined): boolean {
  return schema?.default !== undefined
}

function inRange(value: number, { minimum = -Infinity, maximum = Infinity }: ExpectedSchema): boolean {
  return value >= minimum && value <= maximum
}

function fitsText(value: string, { minLength = 0, maxLength = Infinity, pattern }: ExpectedSchema): boolean {
  if (value.length < minLength || value.length > maxLength) return false
  return pattern === undefined || new RegExp(pattern, 'u').test(value)
}
