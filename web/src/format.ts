const clockTime = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const dayTime = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})

/** Today: the time; else weekday, day and time. */
export function formatMoment(atMs: number): string {
  const at = new Date(atMs)
  return at.toDateString() === new Date().toDateString() ? clockTime.format(at) : dayTime.format(at)
}

/** 0:07, 12:34, 1:02:03. */
export function formatDuration(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000))
  const seconds = String(total % 60).padStart(2, '0')
  const minutes = Math.floor(total / 60) % 60
  const hours = Math.floor(total / 3600)
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}

/** "5 min", "3 h", "2 days": for uptime and the like. */
export function formatSpan(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return 'less than a minute'
  if (minutes < 60) return `${minutes} min`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.floor(minutes / 1440)} days`
}

/** "just now", "5 min ago". */
export function formatAgo(atMs: number, nowMs: number): string {
  return nowMs - atMs < 60_000 ? 'just now' : `${formatSpan(nowMs - atMs)} ago`
}

/** aa:bb:cc:dd:ee:ff, as printed on phones. */
export function formatMac(mac: string): string {
  return mac.match(/../g)?.join(':').toUpperCase() ?? mac
}

/** "1 phone", "2 phones". */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`
}
