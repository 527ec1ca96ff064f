import t from 'tap'
import { zoneRule, type ClockChange, type ZoneRule } from '#src/devices/time-zone.ts'

const minuteMs = 60_000

/** Written by hand from the laws: offset, saved, month/week/weekday/hour of start and end. */
const known: [zone: string, offset: number, saved: number, start: string, end: string][] = [
  ['Europe/Berlin', 60, 60, '3/5/7/2', '10/5/7/3'],
  ['Europe/Paris', 60, 60, '3/5/7/2', '10/5/7/3'],
  ['Europe/Madrid', 60, 60, '3/5/7/2', '10/5/7/3'],
  ['Europe/London', 0, 60, '3/5/7/1', '10/5/7/2'],
  ['Europe/Dublin', 0, 60, '3/5/7/1', '10/5/7/2'],
  ['Europe/Lisbon', 0, 60, '3/5/7/1', '10/5/7/2'],
  ['Atlantic/Azores', -60, 60, '3/5/7/0', '10/5/7/1'],
  ['Europe/Athens', 120, 60, '3/5/7/3', '10/5/7/4'],
  ['Europe/Helsinki', 120, 60, '3/5/7/3', '10/5/7/4'],
  ['America/New_York', -300, 60, '3/2/7/2', '11/1/7/2'],
  ['America/Chicago', -360, 60, '3/2/7/2', '11/1/7/2'],
  ['America/Denver', -420, 60, '3/2/7/2', '11/1/7/2'],
  ['America/Los_Angeles', -480, 60, '3/2/7/2', '11/1/7/2'],
  ['America/Anchorage', -540, 60, '3/2/7/2', '11/1/7/2'],
  ['America/Toronto', -300, 60, '3/2/7/2', '11/1/7/2'],
  ['America/Halifax', -240, 60, '3/2/7/2', '11/1/7/2'],
  ['America/St_Johns', -210, 60, '3/2/7/2', '11/1/7/2'],
  ['Australia/Sydney', 600, 60, '10/1/7/2', '4/1/7/3'],
  ['Australia/Adelaide', 570, 60, '10/1/7/2', '4/1/7/3'],
  ['Australia/Lord_Howe', 630, 30, '10/1/7/2', '4/1/7/2'],
  ['Pacific/Auckland', 720, 60, '9/5/7/2', '4/1/7/3'],
]

const fixed: [zone: string, offset: number][] = [
  ['UTC', 0],
  ['Asia/Tokyo', 540],
  ['Asia/Kolkata', 330],
  ['Asia/Kathmandu', 345],
  ['America/Phoenix', -420],
  ['Pacific/Honolulu', -600],
  ['Australia/Brisbane', 600],
  ['Asia/Singapore', 480],
  ['Asia/Dubai', 240],
  ['Europe/Istanbul', 180],
]

const spell = ({ month, week, weekday, hour }: ClockChange): string => `${month}/${week}/${weekday}/${hour}`

t.test('rules as the laws of the countries write them', async (t) => {
  for (const [zone, offset, saved, start, end] of known) {
    const rule = zoneRule(zone, 2026)
    t.equal(rule?.offsetMinutes, offset, zone)
    t.equal(rule?.daylight?.savedMinutes, saved, zone)
    t.equal(rule?.daylight && spell(rule.daylight.start), start, `${zone} starts`)
    t.equal(rule?.daylight && spell(rule.daylight.end), end, `${zone} ends`)
    t.equal(rule?.daylight?.everyYear, true)
  }
  for (const [zone, offset] of fixed) {
    t.same(zoneRule(zone, 2026), { offsetMinutes: offset, daylight: undefined }, zone)
  }
})

t.test('what is no zone has no rule', async (t) => {
  for (const zone of ['', 'Mars/Olympus', 'Europe/Berlin\n', '../Berlin']) {
    t.equal(zoneRule(zone, 2026), undefined, JSON.stringify(zone))
  }
})

/** Wall-clock moment of a change in a year, as a phone works it out, in milliseconds as if it were UTC. */
function moment(change: ClockChange, year: number, everyYear: boolean): number {
  if (!everyYear) return Date.UTC(year, change.month - 1, change.day, change.hour)
  const weekdayOf = (day: number): number => new Date(Date.UTC(year, change.month - 1, day)).getUTCDay() || 7
  let day = 1 + ((change.weekday - weekdayOf(1) + 7) % 7) + 7 * (Math.min(change.week, 4) - 1)
  const days = new Date(Date.UTC(year, change.month, 0)).getUTCDate()
  if (change.week === 5 && day + 7 <= days) day += 7
  return Date.UTC(year, change.month - 1, day, change.hour)
}

/** The offset that a phone with this rule shows at a moment. */
function offsetByRule(rule: ZoneRule, atMs: number): number {
  if (!rule.daylight) return rule.offsetMinutes
  const { daylight, offsetMinutes } = rule
  const year = new Date(atMs + offsetMinutes * minuteMs).getUTCFullYear()
  const startMs = moment(daylight.start, year, daylight.everyYear) - offsetMinutes * minuteMs
  const saved = daylight.savedMinutes
  const endMs = moment(daylight.end, year, daylight.everyYear) - (offsetMinutes + saved) * minuteMs
  const inside = startMs < endMs ? atMs >= startMs && atMs < endMs : atMs >= startMs || atMs < endMs
  return offsetMinutes + (inside ? saved : 0)
}

const formats = new Map<string, Intl.DateTimeFormat>()

function offsetByNode(zone: string, atMs: number): number {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  formats.set(zone, format)
  const parts = format.formatToParts(atMs)
  const read = (type: string): number => Number(parts.find((part) => part.type === type)?.value)
  const wall = Date.UTC(
    read('year'),
    read('month') - 1,
    read('day'),
    read('hour'),
    read('minute'),
    read('second'),
  )
  return Math.round((wall - atMs) / minuteMs)
}

t.test('a phone with the rule shows the right time on every day of five years', async (t) => {
  for (const [zone] of known) {
    const rule = zoneRule(zone, 2026)
    if (!rule) throw new TypeError(zone)
    let wrong = 0
    for (let day = 0; day < 5 * 365; day++) {
      const atMs = Date.UTC(2026, 0, 1, 12) + day * 24 * 60 * minuteMs
      if (offsetByRule(rule, atMs) !== offsetByNode(zone, atMs)) wrong++
    }
    t.equal(wrong, 0, zone)
  }
})

t.test('every zone that Node knows is right on each day of the year it was asked for', async (t) => {
  const zones = Intl.supportedValuesOf('timeZone')
  t.ok(zones.length > 300, `${zones.length} zones`)
  let lawChanges = 0
  for (const zone of zones) {
    const rule = zoneRule(zone, 2026)
    if (!rule) throw new TypeError(zone)
    // A new law in mid-year cannot be told to a phone: it gets the offset that holds from then on.
    const lastOffset = offsetByNode(zone, Date.UTC(2026, 11, 31))
    let wrong = 0
    for (let day = 3; day < 362; day += 7) {
      const atMs = Date.UTC(2026, 0, 1, 12) + day * 24 * 60 * minuteMs
      if (offsetByRule(rule, atMs) !== offsetByNode(zone, atMs)) wrong++
    }
    if (wrong > 0 && !rule.daylight && rule.offsetMinutes === lastOffset) lawChanges++
    else if (wrong > 0) t.fail(`${zone}: ${wrong} days are wrong`)
  }
  t.ok(lawChanges < 10, `${lawChanges} zones change their law in the year`)
})

t.test('a rule that is said to hold every year does so for five years', async (t) => {
  let everyYear = 0
  for (const zone of Intl.supportedValuesOf('timeZone')) {
    const rule = zoneRule(zone, 2026)
    if (!rule?.daylight?.everyYear) continue
    everyYear++
    for (let day = 0; day < 5 * 365; day += 3) {
      const atMs = Date.UTC(2026, 0, 1, 12) + day * 24 * 60 * minuteMs
      if (offsetByRule(rule, atMs) !== offsetByNode(zone, atMs)) {
        t.fail(`${zone} is wrong on ${new Date(atMs).toISOString()}`)
        break
      }
    }
  }
  t.ok(everyYear > 100, `${everyYear} zones`)
  for (const zone of ['Asia/Jerusalem', 'Africa/Cairo', 'America/Nuuk']) {
    t.equal(zoneRule(zone, 2026)?.daylight?.everyYear, false, `${zone} counts from another weekday`)
  }
})
