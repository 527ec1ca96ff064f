import { readFileSync } from 'node:fs'
import { Default } from 'typebox/value'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { settingsSchema, type Settings } from '#src/model/settings.ts'
import { checkDocument } from './check-document.ts'
import type { SettingProblem } from './describe-error.ts'
import { isDocument, overlay, valueAt, type Document } from './merge-settings.ts'
import { validateSettings } from './validate-settings.ts'

/** Where settings come from; a later one wins over an earlier one: defaults, stored, file, args. */
export interface ConfigurationSources {
  /** The document that the setup page saved. */
  stored: Document
  /** A JSON file with settings. */
  file?: string | undefined
  /** Settings from the command line, as a document. */
  args?: Document
}

/** What the saved document is called in an error. */
export const savedSource = 'the saved settings'

/** A problem and the source that it stands in. */
export type SourcedProblem = SettingProblem & { source: string }

/** A document and what to call it in an error. */
interface NamedSource {
  name: string
  document: Document
}

/** The settings of a box where nobody has set anything. */
export function defaultSettings(): Settings {
  return withDefaults({})
}

/**
 * Puts the settings together and checks them, field by field and across fields. Throws CONFIG_UNREADABLE, or
 * CONFIG_INVALID with every problem in `details.problems` (field, source, text) and the first one's `field`.
 */
export function loadConfiguration({ stored, file, args = {} }: ConfigurationSources): Settings {
  const sources: NamedSource[] = [
    { name: savedSource, document: stored },
    ...(file === undefined ? [] : [{ name: file, document: readConfigurationFile(file) }]),
    { name: 'the command line', document: args },
  ]
  const problems = sources.flatMap(({ name, document }) =>
    checkDocument(document).map((problem) => ({ ...problem, source: name })),
  )
  refuse(problems)
  const settings = withDefaults(sources.reduce<Document>((all, { document }) => overlay(all, document), {}))
  refuse(
    validateSettings(settings).map((problem) => ({ ...problem, source: sourceOf(problem.field, sources) })),
  )
  return settings
}

/** Fills in the defaults of a document that was checked. */
function withDefaults(document: Document): Settings {
  return Default(settingsSchema, structuredClone(document)) as Settings
}

/** The last source that sets the field, or the group it is missing from. */
function sourceOf(field: string, sources: NamedSource[]): string {
  for (let path = field; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    const source = sources.findLast(({ document }) => valueAt(document, path) !== undefined)
    if (source) return source.name
  }
  return 'the defaults'
}

function refuse(problems: SourcedProblem[]): void {
  const [first] = problems
  if (!first) return
  const lines = problems.map(({ field, text, source }) => `${field} (${source}): ${text}`)
  throw new ApplianceError(
    'CONFIG_INVALID',
    { field: first.field, problems },
    {
      text:
        problems.length === 1
          ? (lines[0] ?? '')
          : `${problems.length} settings are not allowed.\n${lines.join('\n')}`,
      advice: `Correct ${[...new Set(problems.map(({ field, source }) => `${field} in ${source}`))].join(', ')}.`,
    },
  )
}

/** Reads a JSON settings file; throws CONFIG_UNREADABLE. Its contents are not checked yet. */
export function readConfigurationFile(file: string): Document {
  const unreadable = (reason: string, advice: string, cause?: unknown): ApplianceError =>
    new ApplianceError(
      'CONFIG_UNREADABLE',
      { file, reason },
      { cause, advice, text: `${file} cannot be read: ${reason}` },
    )
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(
      errorText(error),
      `Make ${file} readable for the service, or start without --config.`,
      error,
    )
  }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw unreadable(
      errorText(error),
      `${file} must hold JSON; a comma or a quote is probably missing or too many.`,
      error,
    )
  }
  if (!isDocument(document)) {
    throw unreadable('it holds no JSON object', `${file} must look like { "sip": { "udpPort": 5060 } }.`)
  }
  return document
}
