/** One thing that is wrong in a settings document. */
export interface SettingProblem {
  /** Dotted path, for example `sip.udpPort`; list items have their index. */
  field: string
  /** A sentence: what was found and what was expected. */
  text: string
}

/** The parts of a JSON schema that say what is expected. */
export interface ExpectedSchema {
  type?: string
  const?: unknown
  anyOf?: ExpectedSchema[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  maxItems?: number
  pattern?: string
  title?: string
  items?: ExpectedSchema
  properties?: Record<string, ExpectedSchema>
  required?: string[]
}

/** Says what a schema takes, for a person: "a whole number from 1024 to 65534". */
export function describeExpected(schema: ExpectedSchema): string {
  if (schema.anyOf) return `one of ${schema.anyOf.map((choice) => JSON.stringify(choice.const)).join(', ')}`
  switch (schema.type) {
    case 'integer':
      return `a whole number${range(schema.minimum, schema.maximum)}`
    case 'number':
      return `a number${range(schema.minimum, schema.maximum)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return schema.maxItems === undefined ? 'a list' : `a list of at most ${schema.maxItems} entries`
    case 'object':
      return 'a group of settings ({ … })'
    default:
      return describeText(schema)
  }
}

function describeText({ minLength, maxLength, pattern }: ExpectedSchema): string {
  if (pattern !== undefined) return `a text of the form ${pattern}`
  if (minLength !== undefined && maxLength !== undefined)
    return `a text of ${minLength} to ${maxLength} characters`
  if (maxLength !== undefined) return `a text of at most ${maxLength} characters`
  return 'a text'
}

function range(minimum: number | undefined, maximum: number | undefined): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return maximum === undefined ? '' : ` of at most ${maximum}`
}

/** Shows a found value without filling the screen. */
export function showValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** The known name nearest to a mistyped one, at most two edits (or a third of its letters) away. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  const limit = Math.max(2, Math.floor(name.length / 3))
  let best: { name: string; distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance <= limit && (!best || distance < best.distance)) best = { name: candidate, distance }
  }
  return best?.name
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let distance = Math.min(
        at(row - 1, column) + 1,
        (current[column - 1] ?? Infinity) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
      )
      if (a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        distance = Math.min(distance, at(row - 2, column - 2) + 1)
      current.push(distance)
    }
  }
  return at(a.length, b.length)
}
