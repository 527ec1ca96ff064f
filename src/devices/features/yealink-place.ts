import type { DeviceView } from '../device-view.ts'
import type { Setting } from '../render/cfg-text.ts'
import { zoneRule, type ClockChange } from '../time-zone.ts'
import { yealinkValues } from './yealink-undocumented.ts'
import { guiLanguages, toneCountries, twelveHourCountries } from './yealink-words.ts'

/** `+1`, `-3:30`, `0`. */
function offsetText(minutes: number): string {
  const sign = minutes < 0 ? '-' : '+'
  const hours = Math.floor(Math.abs(minutes) / 60)
  const rest = Math.abs(minutes) % 60
  if (minutes === 0) return '0'
  return `${sign}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`
}

const byWeek = ({ month, week, weekday, hour }: ClockChange): string => `${month}/${week}/${weekday}/${hour}`
const byDate = ({ month, day, hour }: ClockChange): string => `${month}/${day}/${hour}`

/** Clock and time zone; a zone that Node does not know is told as UTC. */
export function timeOfPlace(view: DeviceView): Setting[] {
  const { timeZone, year, ntpServers, country } = view.site
  const rule = zoneRule(timeZone, year) ?? { offsetMinutes: 0, daylight: undefined }
  const { daylight } = rule
  const spell = daylight?.everyYear ? byWeek : byDate
  return [
    ['local_time.dhcp_time', 0],
    ['local_time.ntp_server1', ntpServers[0]],
    ['local_time.ntp_server2', ntpServers[1]],
    ['local_time.time_zone', offsetText(rule.offsetMinutes)],
    // Without a name the phone cannot prefer its own, older rule for the zone to ours.
    ['local_time.time_zone_name', undefined],
    ['local_time.summer_time', daylight ? 1 : 0],
    ['local_time.dst_time_type', daylight?.everyYear ? 1 : 0],
    ['local_time.start_time', daylight && spell(daylight.start)],
    ['local_time.end_time', daylight && spell(daylight.end)],
    ['local_time.offset_time', daylight?.savedMinutes],
    ['local_time.time_format', twelveHourCountries.has(country) ? 0 : 1],
  ]
}

/** Tones, language and the emergency numbers that even a locked phone dials. */
export function tonesAndLanguage(view: DeviceView): Setting[] {
  const { country, language, emergencyNumbers } = view.site
  const gui = guiLanguages[language.slice(0, 2)] ?? 'English'
  return [
    ['voice.tone.country', toneCountries[country]],
    ['lang.gui', gui],
    ['lang.wui', gui],
    [yealinkValues.emergencyNumbers, emergencyNumbers.join(',') || undefined],
  ]
}

/** DSCP of signalling (AF31) and audio (EF); VLAN by LLDP. */
export function network(): Setting[] {
  return [
    ['static.network.qos.signaltos', 26],
    ['static.network.qos.audiotos', 46],
    ['static.network.lldp.enable', 1],
  ]
}
