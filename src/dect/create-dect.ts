import { createDectConfiguration } from './configuration.ts'
import type { DectContext } from './context.ts'
import { createHandsets } from './handsets.ts'
import type { DectPort } from './ports.ts'
import { createDectServers } from './servers.ts'
import { SubscriptionWindows } from './subscription.ts'

/** The DECT side of the box. */
export interface Dect extends DectPort {
  /** Closes the windows that a crash left open. */
  start(): void
  stop(): void
}

/** Puts the DECT side together. */
export function createDect(context: DectContext): Dect {
  const subscription = new SubscriptionWindows(context)
  return {
    servers: createDectServers(context, subscription),
    handsets: createHandsets(context),
    subscription,
    configuration: createDectConfiguration(context, subscription),
    start: () => subscription.start(),
    stop: () => subscription.stop(),
  }
}
