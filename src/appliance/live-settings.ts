import type { LogSink } from '#src/host/log-sink.ts'
import { listSettings } from '#src/model/setting-fields.ts'
import type { Settings } from '#src/model/settings.ts'
import type { SettingsPart } from '#src/settings/settings-service.ts'

/** The settings that are in force, apart from those that wait for a restart. */
export interface LiveSettings {
  current(): Settings
  /** Takes every change whose setting says `x-applies: live`. */
  part: SettingsPart
}

/** Starts from what the box started with; `live` settings follow the page, all others stay until the restart. */
export function createLiveSettings(initial: Settings, log: LogSink): LiveSettings {
  const livePaths = listSettings()
    .filter(({ applies }) => applies === 'live')
    .map(({ path }) => path)
  let inForce = initial
  return {
    current: () => inForce,
    part: {
      name: 'the running box',
      takes: ({ applies }) => applies === 'live',
      async apply(settings) {
        const next = structuredClone(inForce)
        for (const path of livePaths) copyAt(settings, next, path.split('.'))
        inForce = next
        log.setLevel(next.log.level)
      },
    },
  }
}

type Node = Record<string, unknown>

function copyAt(from: object, to: object, [name, ...rest]: string[]): void {
  if (name === undefined) return
  const source = from as Node
  const target = to as Node
  if (rest.length === 0) target[name] = source[name]
  else copyAt(source[name] as object, target[name] as object, rest)
}
