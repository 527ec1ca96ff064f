import { settingsSchema } from './settings.ts'

/** When a change of a setting takes effect: at once, with the SIP and media parts, or with the process. */
export type Applies = 'live' | 'sip' | 'reboot'

/** One setting as the page, the documentation and the change logic see it. */
export interface SettingField {
  /** Dotted, for example `sip.udpPort`. */
  path: string
  title: string
  applies: Applies
  /** Undefined for a setting that may be absent. */
  default: unknown
  optional: boolean
  /** Sealed at rest and never shown. */
  secret: boolean
}

/** The parts of a JSON schema that are read here. */
interface SchemaNode {
  type?: string
  title?: string
  default?: unknown
  'x-applies'?: Applies
  'x-secret'?: boolean
  properties?: Record<string, SchemaNode>
  required?: string[]
}

/** Lists every setting with a value of its own, in the schema's order; fields of an optional object inherit its `x-applies`. */
export function listSettings(): SettingField[] {
  return fieldsOf(settingsSchema as SchemaNode, '', undefined, false)
}

function fieldsOf(
  node: SchemaNode,
  prefix: string,
  inherited: Applies | undefined,
  absent: boolean,
): SettingField[] {
  const required = new Set(node.required ?? [])
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const applies = child['x-applies'] ?? inherited
    const optional = absent || !required.has(name)
    if (child.properties) return fieldsOf(child, path, applies, optional)
    if (child.title === undefined || applies === undefined) {
      throw new Error(`the setting ${path} has no title or no x-applies`)
    }
    return [
      {
        path,
        title: child.title,
        applies,
        default: child.default,
        optional,
        secret: child['x-secret'] === true,
      },
    ]
  })
}

/** Dotted paths of the settings that are sealed at rest. */
export function secretSettings(): string[] {
  return listSettings()
    .filter((field) => field.secret)
    .map((field) => field.path)
}
