/** A yearly change of the clock as devices are told it. Hours are wall-clock time just before the change. */
export interface ClockChange {
  /** 1 to 12. */
  month: number
  /** `week`: 1 to 4, or 5 for the last one of the month. */
  week: number
  /** 1 (Monday) to 7 (Sunday), as in ISO 8601. */
  weekday: number
  /** Day of the month in the year that was asked for. */
  day: number
  hour: number
}

/** Local time of a zone: devices hold no zone database, so they get the offset and the rule. */
export interface ZoneRule {
  /** Standard time east of Greenwich, minutes. */
  offsetMinutes: number
  /** Undefined without daylight saving time. */
  daylight:
    | {
        savedMinutes: number
        start: ClockChange
        end: ClockChange
        /** False when the changes follow no "nth weekday of a month": the days hold for one year only. */
        everyYear: boolean
      }
    | undefined
}

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
/** Years that a rule must hold for to count as one; five tell "the last" from "the fourth" Sunday. */
const yearsCompared = 6

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  try {
    const format =
      formats.get(zone) ?? new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    formats.set(zone, format)
    return format
  } catch {
    return undefined
  }
}

/** Offset east of Greenwich at a moment, minutes. */
function offsetAt(format: Intl.DateTimeFormat, atMs: number): number {
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const match = /^GMT([+-])(\d{2}):(\d{2})/.exec(name)
  if (!match) return 0
  const minutes = Number(match[2]) * 60 + Number(match[3])
  return match[1] === '-' ? -minutes : minutes
}

interface Transition {
  atMs: number
  before: number
  after: number
}

function transitionsOf(format: Intl.DateTimeFormat, year: number): Transition[] {
  const found: Transition[] = []
  const endMs = Date.UTC(year + 1, 0, 1)
  // Half-month steps see both ends of the shortest daylight saving pause, the weeks of Ramadan in Morocco.
  for (let fromMs = Date.UTC(year, 0, 1); fromMs < endMs; fromMs += 15 * dayMs) {
    const toMs = Math.min(fromMs + 15 * dayMs, endMs)
    const before = offsetAt(format, fromMs)
    const after = offsetAt(format, toMs)
    if (before === after) continue
    let low = fromMs
    let high = toMs
    while (high - low > minuteMs) {
      const middle = low + Math.floor((high - low) / 2 / minuteMs) * minuteMs
      if (offsetAt(format, middle) === before) low = middle
      else high = middle
    }
    found.push({ atMs: high, before, after })
  }
  return found
}

interface DatedChange {
  change: ClockChange
  /** Whether the weekday comes no more in that month. */
  isLast: boolean
}

function changeOf({ atMs, before }: Transition): DatedChange {
  const wall = new Date(atMs + before * minuteMs)
  const day = wall.getUTCDate()
  const daysInMonth = new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate()
  const change = {
    month: wall.getUTCMonth() + 1,
    week: Math.ceil(day / 7),
    weekday: wall.getUTCDay() === 0 ? 7 : wall.getUTCDay(),
    day,
    hour: wall.getUTCHours(),
  }
  return { change, isLast: day + 7 > daysInMonth }
}

/** The rule that all years share; undefined when they share none. */
function sharedRule(years: readonly DatedChange[]): ClockChange | undefined {
  const first = years[0]?.change
  const alike = years.every(
    ({ change }) =>
      change.month === first?.month && change.weekday === first.weekday && change.hour === first.hour,
  )
  if (!first || !alike) return undefined
  if (years.every(({ isLast }) => isLast)) return { ...first, week: 5 }
  return years.every(({ change }) => change.week === first.week) ? first : undefined
}

const rules = new Map<string, ZoneRule | undefined>()

/**
 * The offset and daylight saving rule of an IANA zone in a year, from the zone data that Node carries; undefined for
 * a name that is no zone. A zone whose changes follow no weekday rule gets that year's dates, and one whose law
 * changes within the year gets the offset it ends with.
 */
export function zoneRule(zone: string, year: number): ZoneRule | undefined {
  const format = formatOf(zone)
  if (!format) return undefined
  const key = `${zone} ${year}`
  const known = rules.get(key)
  if (known) return known
  const rule = computeRule(format, year)
  rules.set(key, rule)
  return rule
}

function computeRule(format: Intl.DateTimeFormat, year: number): ZoneRule {
  const split = (ofYear: number): { start: Transition; end: Transition } | undefined => {
    const transitions = transitionsOf(format, ofYear)
    const start = transitions.find(({ before, after }) => after > before)
    const end = transitions.find(({ before, after }) => after < before)
    return transitions.length === 2 && start && end ? { start, end } : undefined
  }
  const thisYear = split(year)
  if (!thisYear) return { offsetMinutes: offsetAt(format, Date.UTC(year, 11, 31)), daylight: undefined }

  const years = Array.from({ length: yearsCompared }, (_, index) => split(year + index))
  const complete = years.flatMap((entry) => entry ?? [])
  const shared = (which: 'start' | 'end'): ClockChange | undefined =>
    complete.length === yearsCompared
      ? sharedRule(complete.map((entry) => changeOf(entry[which])))
      : undefined
  const start = shared('start')
  const end = shared('end')
  const everyYear = start !== undefined && end !== undefined
  return {
    offsetMinutes: thisYear.start.before,
    daylight: {
      savedMinutes: thisYear.start.after - thisYear.start.before,
      start: everyYear ? start : changeOf(thisYear.start).change,
      end: everyYear ? end : changeOf(thisYear.end).change,
      everyYear,
    },
  }
}
