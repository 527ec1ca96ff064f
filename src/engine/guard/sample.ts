import { maskMessage } from '../trace/mask-message.ts'

const maxBytes = 1500
const maxText = 240

/** What says who was meant and by whom. All else is left out: it may be a secret, also where it is malformed. */
const telling = /^(?:from|f|to|t|user-agent|contact|m|call-id|i)\s*:/i

/**
 * The beginning of a message as an admin may see it: its first line, whatever that is, and the telling fields, masked as
 * everywhere else, and everything unprintable a dot. Short, for it stands in a table.
 */
export function sampleOf(head: Buffer, secretCodes: readonly string[] = []): string {
  const text = head.toString('latin1', 0, Math.min(head.length, maxBytes))
  const body = text.search(/\r?\n\r?\n/)
  const [first = '', ...fields] = (body < 0 ? text : text.slice(0, body)).split(/\r\n|\r|\n/)
  const told = [first, ...fields.filter((line) => telling.test(line))].join('\r\n')
  return maskMessage(Buffer.from(told, 'latin1'), secretCodes)
    .toString('latin1')
    .replaceAll('\r\n', ' | ')
    .replace(/[^\x20-\x7e]/g, '.')
    .slice(0, maxText)
}
