/** V8 copies what is shorter; only longer parts of a text are kept as a place in it. */
const leastSliceLength = 13

/**
 * The same text with memory of its own. A part that was cut out of a message holds the whole message, up to 64 KiB, as
 * long as it lives: whoever keeps one in a table takes this instead.
 */
export function ownText(text: string): string {
  if (text.length < leastSliceLength) return text
  const bytes = Buffer.from(text, 'latin1')
  const copy = bytes.toString('latin1')
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le')
}
