import { networkInterfaces } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { ApplianceError, errorText } from '#src/base/errors.ts'
import { EventSource, type Events } from '#src/base/events.ts'
import { silentLogger, type Logger } from '#src/base/logger.ts'
import { listSettings } from '#src/model/setting-fields.ts'
import type { Settings } from '#src/model/settings.ts'
import type { SettingsStore } from '#src/store/store.ts'
import { diffSettings, type SettingChange } from './diff-settings.ts'
import {
  loadConfiguration,
  readConfigurationFile,
  type ConfigurationSources,
  type SourcedProblem,
} from './load-configuration.ts'
import type { SettingProblem } from './describe-error.ts'
import { soundPart } from './sound-part.ts'
import { dropMasks, maskSettings } from './mask-settings.ts'
import { mergePatch, valueAt, type Document } from './merge-settings.ts'

/** A part that takes changed settings while the box runs; handed in by the composition root. */
export interface SettingsPart {
  name: string
  /** True when the part can take these changes itself. */
  takes(change: SettingChange): boolean
  /** Makes the new settings true; a rejection undoes the parts before it. */
  apply(settings: Settings): Promise<void>
}

/** Facts that the settings tell. */
export interface SettingsEvents {
  changed: { settings: Settings; changes: SettingChange[] }
}

/** What the page and the console may do with settings. */
export interface SettingsService extends Events<SettingsEvents> {
  /**
   * `document`: what was saved; `effective`: with every default filled in. Secrets are masked in both.
   * `pendingRestart`: paths that wait for a restart. `problems`: what of the saved document cannot be used.
   */
  read(): {
    document: Document
    effective: Document
    etag: string
    pendingRestart: string[]
    problems: SettingProblem[]
  }
  /** The settings as they would be after a restart, secrets included; for the box itself. */
  current(): Settings
  /**
   * Merges `patch` (RFC 7396) when `ifMatch` is the current etag, else throws CONFLICT. CONFIG_INVALID names the
   * field. Names the paths that are in force now, and those that wait for a restart.
   */
  change(
    patch: Document,
    ifMatch: string,
  ): Promise<{ etag: string; applied: string[]; pendingRestart: string[] }>
}

/** What became of a change. */
type ChangeResult = Awaited<ReturnType<SettingsService['change']>>

/** Makes the service. `file` and `args` win over what is saved, here as at start. */
export function createSettingsService(
  options: Omit<ConfigurationSources, 'stored'> & {
    store: SettingsStore
    parts?: readonly SettingsPart[]
    logger?: Logger
  },
): SettingsService {
  const { store, parts = [], logger = silentLogger, ...sources } = options
  const events = new EventSource<SettingsEvents>(logger)
  const load = (stored: Document): Settings => loadConfiguration({ ...sources, stored })
  /** Paths that wait for a restart, each with the value that is in force until then. */
  const pending = new Map<string, unknown>()
  /** Wrong settings that were taken out since the start. */
  const mended = new Set<string>()
  const waiting = (): string[] => [...new Set([...pending.keys(), ...mended])]
  let turn: Promise<unknown> = Promise.resolve()

  const change = async (patch: Document, ifMatch: string): Promise<ChangeResult> => {
    const active = store.active()
    if (active.etag !== bareEtag(ifMatch)) {
      const advice = 'Read the settings again, then change them.'
      throw new ApplianceError('CONFLICT', { etag: active.etag, ifMatch }, { advice })
    }
    const asked = dropMasks(patch)
    const next = mergePatch(active.document, asked)
    const { settings: before, problems } = soundPart(active.document, load)
    refuseOverruled(asked, before, sources)
    const after = loadAsked(next, load)
    refuseForeignAddress(before, after)
    const changes = diffSettings(before, after)
    const takes = (change: SettingChange) => (part: SettingsPart) => part.takes(change)
    const takers = parts.filter((part) => changes.some((one) => part.takes(one)))

    // A trial of network changes (to be confirmed from the new address) belongs here: staged in the store
    // before the parts take them, activated after the confirmation.
    await applyAll(takers, before, after, logger)
    let etag: string
    try {
      etag = store.activate(next, active.etag).etag
    } catch (error) {
      // The disk did not take it: the parts go back, or the box would run on settings that nobody has saved.
      await undo(takers, before, logger)
      throw error
    }
    const applied = changes.filter((one) => parts.some(takes(one))).map(({ path }) => path)
    for (const { path } of changes) {
      if (applied.includes(path)) pending.delete(path)
      else if (!pending.has(path)) pending.set(path, valueAt(before, path))
      if (isDeepStrictEqual(pending.get(path), valueAt(after, path))) pending.delete(path)
    }
    // Where a saved setting was wrong the box runs in rescue, and needs a restart however little has changed.
    for (const { field } of problems) mended.add(field)
    events.emit('changed', { settings: after, changes })
    return { etag, applied, pendingRestart: waiting() }
  }

  return {
    on: (name, listener) => events.on(name, listener),
    current: () => load(store.active().document),
    read() {
      const { document, etag } = store.active()
      const { settings, problems } = soundPart(document, load)
      return {
        document: maskSettings(document),
        effective: maskSettings(settings),
        etag,
        pendingRestart: waiting(),
        problems,
      }
    },
    change(patch, ifMatch) {
      // In turn: two changes at once would both be judged against the same settings.
      const result = turn.then(() => change(patch, ifMatch))
      turn = result.catch(() => undefined)
      return result
    },
  }
}

/** Lets the parts take the new settings in order; when one refuses, those before it and itself go back. */
async function applyAll(
  parts: readonly SettingsPart[],
  before: Settings,
  after: Settings,
  logger: Logger,
): Promise<void> {
  const tried: SettingsPart[] = []
  for (const part of parts) {
    tried.push(part)
    try {
      await part.apply(after)
    } catch (error) {
      await undo(tried, before, logger)
      throw new ApplianceError(
        'CONFLICT',
        { part: part.name, reason: errorText(error) },
        {
          cause: error,
          text: `${part.name} did not take the new settings: ${errorText(error)}`,
          advice: 'Nothing was changed. Correct the value and try again.',
        },
      )
    }
  }
}

async function undo(parts: readonly SettingsPart[], before: Settings, logger: Logger): Promise<void> {
  for (const part of parts.toReversed()) {
    try {
      await part.apply(before)
    } catch (error) {
      logger.error({ err: error, part: part.name }, 'a part did not go back to its former settings')
    }
  }
}

/** Refuses a change that could have no effect, because file or command line set the same field. */
function refuseOverruled(
  patch: Document,
  before: Settings,
  { file, args = {} }: Omit<ConfigurationSources, 'stored'>,
): void {
  const winners = [
    { name: 'the command line', document: args },
    ...(file === undefined ? [] : [{ name: file, document: readConfigurationFile(file) }]),
  ]
  for (const { path } of listSettings()) {
    const asked = valueAt(patch, path)
    const winner = winners.find(({ document }) => valueAt(document, path) !== undefined)
    if (asked === undefined || !winner || isDeepStrictEqual(asked, valueAt(before, path))) continue
    const text = `${path} is set by ${winner.name}, which wins over what is saved here.`
    throw new ApplianceError(
      'CONFIG_INVALID',
      { field: path },
      { text, advice: `Change it in ${winner.name}.` },
    )
  }
}

/** Loads what the page asked for; a refusal names the setting as the page does, and no source: there is only one. */
function loadAsked(next: Document, load: (stored: Document) => Settings): Settings {
  try {
    return load(next)
  } catch (error) {
    if (!(error instanceof ApplianceError) || error.code !== 'CONFIG_INVALID') throw error
    const problems = (error.details.problems ?? []) as SourcedProblem[]
    const titles = new Map(listSettings().map(({ path, title }) => [path, title]))
    const text = problems.map((one) => `${titles.get(one.field) ?? one.field}: ${one.text}`).join('\n')
    throw new ApplianceError('CONFIG_INVALID', error.details, { cause: error, text })
  }
}

/** Refuses an address that this machine does not have: after the restart nobody would reach the page any more. */
function refuseForeignAddress(before: Settings, { listen }: Settings): void {
  if (listen === before.listen || listen === '0.0.0.0' || listen === '::' || listen.startsWith('127.')) return
  const own = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])
  if (own.includes(listen)) return
  throw new ApplianceError(
    'CONFIG_INVALID',
    { field: 'listen' },
    {
      text: `${listen} is no address of this machine: nobody would reach this page after the restart.`,
      advice: `Its addresses are ${own.join(', ')}, and 0.0.0.0 for all of them.`,
    },
  )
}

/** HTTP puts quotes around an etag and may mark it weak (RFC 9110 8.8.3). */
function bareEtag(etag: string): string {
  return etag.replace(/^(?:W\/)?"(.*)"$/, '$1')
}
