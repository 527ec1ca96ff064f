import { errorText } from '#src/base/errors.ts'
import { EventSource } from '#src/base/events.ts'
import { createDectConfiguration } from './configuration.ts'
import type { DectContext } from './context.ts'
import { createHandsets, removeUnfinished } from './handsets.ts'
import type { DectEvents, DectPort } from './ports.ts'
import { createDectServers } from './servers.ts'
import { SubscriptionWindows } from './subscription.ts'

/** The DECT side of the box. */
export interface Dect extends DectPort {
  /** Mends what the last end of the box left half done or open; call it once everybody listens. Never throws. */
  start(): void
  stop(): void
}

/** Puts the DECT side together. */
export function createDect(needs: Omit<DectContext, 'events'>): Dect {
  const events = new EventSource<DectEvents>(needs.logger)
  const context = { ...needs, events }
  const subscription = new SubscriptionWindows(context)
  return {
    on: (name, listener) => events.on(name, listener),
    servers: createDectServers(context, subscription),
    handsets: createHandsets(context),
    subscription,
    configuration: createDectConfiguration(context, subscription),
    start() {
      try {
        removeUnfinished(context)
      } catch (error) {
        needs.logger.error({ reason: errorText(error) }, 'a handset that was added only half stays')
      }
      subscription.start()
    },
    stop: () => subscription.stop(),
  }
}
