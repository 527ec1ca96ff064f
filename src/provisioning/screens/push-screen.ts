import type { DeviceFamily } from '#src/devices/definition.ts'
import { screenFiles } from '#src/devices/screens/screen-files.ts'
import { executeCommands } from '#src/devices/screens/yealink-xml.ts'

/** Families with a display that the box writes on, and how a page is pushed to them (SIP NOTIFY). */
export const screenFamilies: Partial<Record<DeviceFamily, { event: string; contentType: string }>> = {
  yealink: { event: 'Yealink-xml', contentType: 'application/xml' },
}

/** Makes a phone look at its sign-in page again, at once instead of at the next refresh. */
export function lookAgain(pageUrl: string): string {
  return executeCommands([`${pageUrl}${screenFiles.signIn}?step=look`], { beep: true }).body
}
