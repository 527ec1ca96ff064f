import { formatDeviceAddress } from './device-address.ts'
import type { AnnouncedDevice } from './ports.ts'

/**
 * The list of announced devices with their codes as CSV (RFC 4180) for the people who put the phones up; it can be
 * imported again. Starts with a mark, without which Excel takes UTF-8 for something else.
 */
export function codesCsv(announced: readonly AnnouncedDevice[]): string {
  const rows = announced.map(({ enrolment, state }) => [
    formatDeviceAddress(enrolment),
    enrolment.location,
    enrolment.label,
    state === 'waiting' ? enrolment.code : '',
    state === 'waiting' ? `*55*${enrolment.code}` : '',
    state,
    state === 'waiting' ? new Date(enrolment.expiresAtMs).toISOString() : '',
  ])
  const headings = ['MAC or IPEI', 'Location', 'Label', 'Code', 'To dial', 'State', 'Valid until']
  return `\uFEFF${[headings, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')}`
}

/**
 * One cell. A text that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets take for
 * "this is text" (OWASP, CSV injection); quotes alone do not keep them from it.
 */
export function csvCell(text: string): string {
  const plain = /^[\s]*[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",;\r\n\t']/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
