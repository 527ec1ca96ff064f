const maxBytes = 1500
const maxText = 240

/** What says who was meant and by whom. All else is left out: it may be a secret, also where it is malformed. */
const telling = /^(?:from|f|to|t|user-agent|contact|m|call-id|i)\s*:/i

/**
 * The beginning of a message as an admin may see it: its first line and the telling fields, passwords in addresses
 * masked, everything unprintable a dot. Short, for it stands in a table.
 */
export function sampleOf(head: Buffer): string {
  const text = head.toString('latin1', 0, Math.min(head.length, maxBytes))
  const body = text.search(/\r?\n\r?\n/)
  const [first = '', ...fields] = (body < 0 ? text : text.slice(0, body)).split(/\r\n|\r|\n/)
  return [first, ...fields.filter((line) => telling.test(line))]
    .join(' | ')
    .replace(/(sips?:[^\s:@<>]{1,80}):[^\s@<>]{1,80}@/gi, '$1:***@')
    .replace(/[^\x20-\x7e]/g, '.')
    .slice(0, maxText)
}
