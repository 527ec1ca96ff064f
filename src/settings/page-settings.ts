import type { Settings } from '#src/model/settings.ts'
import { checkDocument } from './check-document.ts'
import { defaultSettings, readConfigurationFile, type ConfigurationSources } from './load-configuration.ts'
import { valueAt, type Document } from './merge-settings.ts'
import { validateSettings } from './validate-settings.ts'

/**
 * The settings for a box on which some settings are wrong, so that only the setup page runs: `listen` and `page`
 * as far as they are sound, from every source that can be read, and defaults for the rest. The page must be where
 * it was, and must not be open to more than somebody asked for.
 */
export function pageSettings({ stored, file, args = {} }: ConfigurationSources): Settings {
  const settings = defaultSettings()
  const documents = [stored, ...(file === undefined ? [] : [readable(file)]), args]
  for (const document of documents) {
    const listen = valueAt(document, 'listen')
    if (listen !== undefined) {
      settings.listen = typeof listen === 'string' && isSound('listen', listen) ? listen : '127.0.0.1'
    }
    for (const name of ['httpsPort', 'httpPort'] as const) {
      const port = valueAt(document, `page.${name}`)
      if (port !== undefined && isSound(`page.${name}`, port)) settings.page[name] = Number(port)
    }
  }
  const { page } = settings
  if (page.httpPort === page.httpsPort && page.httpPort !== 0) page.httpPort = 0
  return settings
}

function readable(file: string): Document {
  try {
    return readConfigurationFile(file)
  } catch {
    // It is the very reason why the page is needed, and is reported as such.
    return {}
  }
}

/** True when the value would be accepted were it the only one. */
function isSound(path: 'listen' | 'page.httpsPort' | 'page.httpPort', value: unknown): boolean {
  const name = path.replace('page.', '')
  const document = path === 'listen' ? { listen: value } : { page: { [name]: value } }
  if (checkDocument(document).length > 0) return false
  if (path !== 'listen') return true
  const alone = { ...defaultSettings(), listen: String(value) }
  return !validateSettings(alone).some(({ field }) => field === 'listen')
}
