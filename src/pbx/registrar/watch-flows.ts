import type { Clock, Timer } from '#src/base/clock.ts'
import { errorText } from '#src/base/errors.ts'
import type { EventSource } from '#src/base/events.ts'
import type { Lifetime } from '#src/base/lifetime.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Binding, FlowAddress } from '#src/model/binding.ts'
import type { Counters } from '../counters.ts'
import type { Reach } from '../calls/ways-to-phone.ts'
import type { PbxStore } from '../options.ts'
import type { FlowsPort, PbxEvents } from '../ports.ts'

/** Connections go down in crowds (a switch, the power); they are looked up together. */
const gatherMs = 200

/** What the watch works with. */
export interface FlowWatchContext {
  store: Pick<PbxStore, 'bindings'>
  flows: FlowsPort | undefined
  events: EventSource<PbxEvents>
  counters: Counters
  clock: Clock
  logger: Logger
  lifetime: Lifetime
}

/**
 * Keeps bindings honest about their connections until the lifetime ends. RFC 5626 5.4: a binding that is a flow goes
 * with its connection, for the phone makes a new one; any other binding stays (the phone may listen at its Contact),
 * and whoever shows it is told to look again.
 */
export function watchFlows(context: FlowWatchContext): Reach {
  const { store, flows, events, clock, lifetime } = context
  let closed: FlowAddress[] = []
  let timer: Timer | undefined

  const lost = (binding: Binding): void => void dropFlow(binding, context)

  const review = (): void => {
    timer = undefined
    const gone = new Set(closed.map(keyOf))
    closed = []
    const changed = new Set<string>()
    for (const binding of store.bindings.all(clock.nowMs())) {
      if (!gone.has(keyOf(binding.flow)) || flows?.isOpen(binding.flow)) continue
      if (binding.regId !== undefined && !binding.path) lost(binding)
      else changed.add(binding.aor)
    }
    for (const aor of changed) {
      // Not bindingChanged: that is a phone which has just been heard of.
      events.emit('flowClosed', { aor, bindings: store.bindings.find(aor, clock.nowMs()) })
    }
  }

  if (flows) {
    const stop = flows.onClosed((flow) => {
      closed.push(flow)
      timer ??= clock.setTimer(gatherMs, review)
    })
    lifetime.own('flow-watch', () => {
      stop()
      timer?.cancel()
    })
  }
  return { isOpen: (flow) => flows?.isOpen(flow), lost }
}

/** Takes out exactly this binding; one that was made anew meanwhile stays. */
async function dropFlow(binding: Binding, context: FlowWatchContext): Promise<void> {
  const { store, events, counters, clock, logger } = context
  const { aor, instanceId, regId } = binding
  let dropped = false
  try {
    const bindings = await store.bindings.change(aor, clock.nowMs(), (current) => {
      const left = current.filter((one) => !isSame(one, binding))
      dropped = left.length < current.length
      return left
    })
    if (!dropped) return
    counters.add('flowsLost')
    logger.info({ line: aor, instanceId, regId }, 'a flow of a phone is gone')
    events.emit('bindingChanged', { aor, bindings })
  } catch (error) {
    counters.add('storeFailed')
    logger.error({ err: error, line: aor }, `a lost flow could not be dropped: ${errorText(error)}`)
  }
}

function isSame(one: Binding, other: Binding): boolean {
  return (
    one.instanceId === other.instanceId &&
    one.regId === other.regId &&
    one.callId === other.callId &&
    one.cseq === other.cseq
  )
}

function keyOf({ protocol, host, port }: FlowAddress): string {
  return `${protocol} ${host} ${port}`
}
