import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Health } from '#src/health/health.ts'
import { loadConfiguration } from '#src/settings/load-configuration.ts'
import { pageSettings } from '#src/settings/page-settings.ts'
import type { Settings } from '#src/model/settings.ts'
import { openStore } from '#src/store/open-store.ts'
import { loadSealKey } from '#src/store/seal-key.ts'
import type { Store } from '#src/store/store.ts'
import type { ApplianceOptions } from './options.ts'
import { reportFailure, startPart } from './part.ts'

/** The realm that line secrets are computed for until the settings are read. */
const firstRealm = 'branchline'

/** Store and settings: what every other part stands on. */
export interface Foundation {
  store: Store
  settings: Settings
  /** False = `store` is empty and thrown away at the end: it holds the page's certificate and nothing else. */
  stored: boolean
  /** False = the box runs in rescue: the page and nothing else. */
  sound: boolean
}

/**
 * Opens the store and reads the settings. When the store cannot be opened or a setting is wrong, the page must
 * come up all the same and say so: then it gets an empty store for its certificate, or the sound part of the settings.
 */
export async function layFoundation(
  options: ApplianceOptions,
  health: Health,
  lifetime: Lifetime,
): Promise<Foundation> {
  const { clock, log, dataDir } = options
  const context = { health, logger: log.logger }
  let store = await startPart(context, 'store', async () => {
    const keyFile = join(dataDir, 'seal.key')
    const sealKey = loadSealKey({ credentialPath: options.sealCredentialFile, keyFile })
    const opened = openStore({ dataDir, sealKey, realm: firstRealm, clock, logger: log.logger })
    return { value: opened, detail: `Everything is kept in ${dataDir}.` }
  })
  const stored = store !== undefined
  if (!store) {
    const folder = mkdtempSync(join(tmpdir(), 'branchline-rescue-'))
    store = openStore({
      dataDir: folder,
      sealKey: randomBytes(32),
      realm: firstRealm,
      clock,
      logger: log.logger,
    })
    lifetime.own('rescue-folder', () => rmSync(folder, { recursive: true, force: true }))
  }
  const usable = store
  lifetime.own('store', () => usable.close())

  const { document } = store.settings.active()
  const configured = readSettings(options, document)
  if ('error' in configured) reportFailure(context, 'settings', configured.error)
  else {
    const source =
      options.configFile === undefined ? 'Saved settings are in force.' : `${options.configFile} is in force.`
    health.report({ name: 'settings', state: 'ok', detail: source, advice: undefined })
    log.setLevel(configured.settings.log.level)
    store.lines.useRealm(configured.settings.sip.realm)
  }
  return {
    store,
    stored,
    settings: configured.settings,
    sound: stored && !('error' in configured),
  }
}

function readSettings(
  { configFile, overrides }: ApplianceOptions,
  stored: Record<string, unknown>,
): { settings: Settings } | { settings: Settings; error: unknown } {
  const sources = { file: configFile, args: overrides, stored }
  try {
    return { settings: loadConfiguration(sources) }
  } catch (error) {
    return { settings: pageSettings(sources), error }
  }
}
