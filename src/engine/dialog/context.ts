import type { Clock } from '#src/base/clock.ts'
import type { Logger } from '#src/base/logger.ts'
import type { Random } from '#src/base/random.ts'
import type { TimerBases } from '../options.ts'
import type { TransactionLayer } from '../transaction/transaction-layer.ts'
import type { Flow, ListenerAddress, Target } from '../transport/transport-port.ts'
import type { ApplicationChoice } from './application.ts'
import type { Dialog } from './dialog.ts'
import type { DialogPolicy } from './dialog-policy.ts'
import type { DialogTable } from './dialog-table.ts'

/** What the parts of the user agent layer share; one per engine. */
export interface UserAgentContext {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly bases: TimerBases
  readonly userAgent: string | undefined
  readonly policy: DialogPolicy
  readonly transactions: TransactionLayer
  readonly applications: ApplicationChoice
  readonly dialogs: DialogTable<Dialog>
  /** Requests handed to an application and not finally answered; one that is over takes itself out. */
  readonly serving: OpenTable
  /** Requests of applications without final response; one that is over takes itself out. */
  readonly asking: OpenTable
  readonly counters: UserAgentCounters
  /** RFC 3263: where a URI leads, in order of preference. */
  resolve(uri: string): Promise<Target[]>
  listeners(): readonly ListenerAddress[]
  /** A flow to speak of when nothing could be opened: it names our first listener. */
  nominalFlow(): Flow
}

/** The side of a table of open requests that the requests themselves see, by transaction id. */
export interface OpenTable {
  delete(transactionId: string): boolean
}

export interface UserAgentCounters {
  ackTimeouts: number
  sessionsExpired: number
  refusedRequests: number
  secondForksEnded: number
  repeatedSuccess: number
  repeatedProvisionals: number
  mergedRequests: number
}
