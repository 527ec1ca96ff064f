import { ApplianceError } from '#src/base/errors.ts'

/** One line of a configuration; undefined, or an empty text, tells the device to take its factory value. */
export type Setting = readonly [key: string, value: string | number | undefined]

/** How a Yealink file says "your factory value". */
const factoryValue = '%NULL%'

// C0, DEL, C1 with NEL, the Unicode line and paragraph separators, and what turns the reading direction.
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/**
 * Makes a person's text fit for a value: one line, no control characters, at most `maxLength` characters. A text that
 * is itself a magic word of the device loses its percent signs.
 */
export function plainText(text: string, maxLength = 60): string {
  const oneLine = text.toWellFormed().replace(unsafe, ' ').replace(/\s+/gu, ' ').trim()
  const harmless = /^%.*%$/u.test(oneLine) ? oneLine.replaceAll('%', '') : oneLine
  return [...harmless].slice(0, maxLength).join('').trim()
}

/**
 * Writes settings as `key = value` lines. A value that would end its line or be read as a magic word throws
 * INVALID: secrets and addresses cannot be repaired silently, people's texts go through {@link plainText} first.
 */
export function formatSettings(settings: readonly Setting[]): string {
  const seen = new Set<string>()
  const lines = settings.map(([key, value]) => {
    if (!/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/.test(key) || seen.has(key)) {
      throw new ApplianceError('INTERNAL', { key }, { text: `The setting ${key} is not written twice.` })
    }
    seen.add(key)
    return `${key} = ${value === undefined || value === '' ? factoryValue : checkedValue(key, String(value))}\n`
  })
  return lines.join('')
}

function checkedValue(key: string, value: string): string {
  if (value.search(unsafe) !== -1 || value !== value.trim() || /^%.*%$/u.test(value) || value.length > 1024) {
    throw new ApplianceError(
      'INVALID',
      { key },
      { text: `The value of ${key} cannot be written to a phone.` },
    )
  }
  return value
}

/** Writes a comment line from any text. */
export function comment(text: string): string {
  return `# ${plainText(text, 200)}\n`
}
