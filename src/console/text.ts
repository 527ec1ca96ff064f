/** Columns of the oldest terminal, less one: some wrap by themselves after the last. */
const columns = 79
/** Lines that fit above a prompt on a terminal of 24 lines. */
export const linesPerPage = 21

const plainSigns: Record<string, string> = {
  '“': '"',
  '”': '"',
  '„': '"',
  '‘': "'",
  '’': "'",
  '–': '-',
  '—': '-',
  '…': '...',
  ß: 'ss',
  Ø: 'O',
  ø: 'o',
  Æ: 'AE',
  æ: 'ae',
  ' ': ' ',
}

/**
 * Text for a terminal of which nothing is known: ASCII, accents left away, what cannot be shown as `?`. Control
 * characters never get through: what a phone calls itself must not move the cursor.
 */
export function toAscii(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]/gu, (sign) => plainSigns[sign] ?? '?')
}

/** Breaks one paragraph into lines, the second and later ones indented; words longer than a line are cut. */
export function wrap(text: string, indent = 0): string[] {
  const lines: string[] = []
  let line = ''
  const room = (): number => columns - (lines.length > 0 ? indent : 0)
  const flush = (): void => {
    lines.push((' '.repeat(lines.length > 0 ? indent : 0) + line).trimEnd())
    line = ''
  }
  // Leading blanks are the paragraph's own indentation.
  const [, lead = '', rest = ''] = /^( *)(.*)$/.exec(toAscii(text)) ?? []
  line = lead
  for (let word of rest.split(' ')) {
    const glue = line.trim() === '' ? '' : ' '
    if (line.trim() !== '' && line.length + glue.length + word.length > room()) flush()
    while (word.length > room() - line.length && word.length > columns - indent) {
      const fits = room() - line.length
      line += word.slice(0, fits)
      word = word.slice(fits)
      flush()
    }
    line += (line.trim() === '' ? '' : ' ') + word
  }
  flush()
  return lines
}

/** Seconds for people: `3 days 4 h`, `12 min`, `40 s`. */
export function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor((seconds % 86_400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return `${days} ${days === 1 ? 'day' : 'days'} ${hours} h`
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`
}
