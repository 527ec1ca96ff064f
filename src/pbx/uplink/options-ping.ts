import type { Clock } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { TeamsHost } from '#src/model/tenant.ts'
import type { Counters } from '../counters.ts'
import type { SipPort } from '../sip-port.ts'
import { teamsOptionsHeaders, teamsOptionsTarget, type TrunkIdentity } from './teams-headers.ts'
import type { TrunkState } from './trunk-state.ts'

/** Sends OPTIONS to every host of the trunk, each at its own pace, until the lifetime ends. */
export function startOptionsPing(context: {
  hosts: readonly TeamsHost[]
  intervalMs: number
  identity: TrunkIdentity
  state: TrunkState
  sip: SipPort
  counters: Counters
  clock: Clock
  lifetime: Lifetime
  logger: Logger
}): void {
  const { clock, lifetime, intervalMs } = context
  for (const host of context.hosts) {
    lifetime.run(`options-ping ${host.name}`, async (signal) => {
      while (!signal.aborted) {
        const startedAtMs = clock.monotonicMs()
        await ping(host, context)
        if (signal.aborted) return
        // A timed-out OPTIONS takes half a minute; the next one still leaves at its time.
        const restMs = intervalMs - (clock.monotonicMs() - startedAtMs)
        await clock.sleep(Math.max(0, restMs), signal)
      }
    })
  }
}

async function ping(
  host: TeamsHost,
  { sip, identity, state, counters, logger }: Parameters<typeof startOptionsPing>[0],
): Promise<void> {
  counters.add('optionsSent')
  try {
    const response = await sip.request(teamsOptionsTarget(host), {
      method: 'OPTIONS',
      headers: teamsOptionsHeaders(identity, host),
    })
    if (response.status >= 200 && response.status < 300) {
      state.noteOk(host.name)
      return
    }
    counters.add('optionsFailed')
    state.noteFailure(host.name, `${response.status} ${response.reason}`.trim())
    logger.warn({ host: host.name, sipStatus: response.status }, 'Teams host refused OPTIONS')
  } catch (error) {
    counters.add('optionsFailed')
    state.noteFailure(host.name, errorText(error))
    logger.warn({ host: host.name, err: error }, 'OPTIONS could not be sent to a Teams host')
  }
}
