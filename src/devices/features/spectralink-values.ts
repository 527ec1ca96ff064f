import { ApplianceError } from '#src/base/errors.ts'
import { zoneRule, type ClockChange } from '../time-zone.ts'

/** The handset's display and the server's database take no more (message texts are bounded to this length). */
const maxTextLength = 72
/** What the installation guide allows in a user name. */
const usernameShape = /^[a-zA-Z0-9\-_.!~*'()&=+$,;?/]{1,72}$/
/** What no XML 1.0 document may hold, however it is escaped (production 2, Char). */
const notXml = /[\p{Cc}\p{Cs}\ufffe\uffff]/u

/** A text that is only shown: cut to what the server takes, without what XML cannot hold. */
export function shownText(text: string): string {
  const clean = text.replace(new RegExp(notXml, 'gu'), ' ').replace(/\s+/g, ' ').trim()
  return [...clean].slice(0, maxTextLength).join('')
}

/** A standby text: the server refuses these four characters in it. */
export function standbyText(text: string): string {
  return shownText(text.replace(/[<>"\\]/g, ''))
}

/** A user name, or INVALID: a changed one would be another account. */
export function username(text: string): string {
  if (usernameShape.test(text)) return text
  throw new ApplianceError('INVALID', {}, { text: 'A Spectralink server cannot hold this user name.' })
}

/** A secret or an address, or INVALID: it must arrive as it is. */
export function exactText(text: string): string {
  if (!notXml.test(text)) return text
  throw new ApplianceError('INVALID', {}, { text: 'A value cannot be written into an XML file.' })
}

/** The zone as the server takes it, a POSIX TZ with the offset of both times: `STD-1DST-2,M3.5.0/02:00:00,…`. */
export function posixTimeZone(zone: string, year: number): string | undefined {
  const rule = zoneRule(zone, year)
  if (!rule) return undefined
  const standard = `STD${offset(rule.offsetMinutes)}`
  const { daylight } = rule
  if (!daylight) return standard
  const summer = `DST${offset(rule.offsetMinutes + daylight.savedMinutes)}`
  return `${standard}${summer},${change(daylight.start)},${change(daylight.end)}`
}

/** POSIX counts west of Greenwich: Berlin is -1. */
function offset(eastMinutes: number): string {
  const minutes = Math.abs(eastMinutes)
  const rest = minutes % 60
  const hours = Math.floor(minutes / 60)
  return `${eastMinutes > 0 ? '-' : ''}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`
}

/** Sunday is 0 in POSIX, 7 in ISO 8601. */
function change({ month, week, weekday, hour }: ClockChange): string {
  return `M${month}.${week}.${weekday % 7}/${String(hour).padStart(2, '0')}:00:00`
}
