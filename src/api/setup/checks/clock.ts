import type { Clock } from '#src/base/clock.ts'
import { createHttpClient } from '#src/microsoft/network-client.ts'
import { withinMs, type Finding } from './check.ts'
import { askTimeServer } from './sntp.ts'

const serverLimitMs = 1_500
const pageLimitMs = 3_000
/** More than this and certificates, sign-in codes and the call log begin to be wrong. */
const maxSkewMs = 5_000

/** Finds out whether the box's clock is right, by time servers, else by the Date of a web server. */
export async function checkClock(options: {
  servers: readonly string[]
  ntpPort: number
  dateUrl: string
  caPem: string[]
  clock: Clock
  signal: AbortSignal
}): Promise<Finding> {
  const { clock, signal } = options
  for (const host of options.servers) {
    const aheadMs = await quietly(() =>
      withinMs(clock, serverLimitMs, signal, (limited) =>
        askTimeServer({ host, port: options.ntpPort }, clock, limited),
      ),
    )
    if (aheadMs !== undefined) return judge(aheadMs, `the time server ${host}`)
  }
  const aheadMs = await quietly(() =>
    withinMs(clock, pageLimitMs, signal, (limited) => askPage(options, limited)),
  )
  if (aheadMs !== undefined) return judge(aheadMs, new URL(options.dateUrl).host)
  return {
    state: 'unknown',
    text: 'No time server and no web server answers, so nothing says whether the clock is right.',
    advice: 'Compare the time under “Time and country” with your watch.',
  }
}

async function quietly(ask: () => Promise<number | undefined>): Promise<number | undefined> {
  try {
    return await ask()
  } catch {
    // No answer is an answer here: the next server is asked.
    return undefined
  }
}

/** RFC 9110 6.6.1: Date has whole seconds, so half a second is added on the average. */
async function askPage(
  { dateUrl, caPem, clock }: { dateUrl: string; caPem: string[]; clock: Clock },
  signal: AbortSignal,
): Promise<number | undefined> {
  const http = createHttpClient({ caPem, clock })
  const sentAtMs = clock.nowMs()
  const { headers } = await http({ method: 'GET', url: dateUrl, headers: {} }, signal)
  const atMs = Date.parse(headers.date ?? '')
  if (Number.isNaN(atMs)) return undefined
  return atMs + 500 - (sentAtMs + clock.nowMs()) / 2
}

function judge(aheadMs: number, source: string): Finding {
  const offMs = Math.abs(aheadMs)
  if (offMs <= maxSkewMs) {
    const by = offMs < 1_000 ? 'to the second' : `but for ${Math.round(offMs / 1_000)} s`
    return { state: 'ok', text: `The clock agrees with ${source} ${by}.` }
  }
  const side = aheadMs > 0 ? 'behind' : 'ahead of'
  return {
    state: 'failed',
    text: `The clock is ${span(offMs)} ${side} ${source}.`,
    advice:
      'Let the machine set its clock from a time server: certificates and sign-ins need the right time.',
  }
}

function span(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 2 * 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 2 * 86_400_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}
