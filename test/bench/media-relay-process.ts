import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { createEmbeddedRelay } from '#src/media/embedded/media-control.ts'
import type { DescribeRequest } from '#src/media/media-relay.ts'

// Our relay in a process of its own, so that /proc tells what relaying alone costs.

/** From the parent; each gets one reply with its id. */
export type RelayRequest =
  | { id: number; kind: 'offer' | 'answer'; request: DescribeRequest }
  | { id: number; kind: 'delete'; sessionId: string }

export interface RelayReply {
  id: number
  text?: string
  error?: string
}

const relay = createEmbeddedRelay({
  portMin: 24_000,
  portMax: 25_999,
  workers: 1,
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})

process.on('message', (message: RelayRequest) => {
  answer(message).then(
    (text) =>
      process.send?.({ id: message.id, ...(text === undefined ? {} : { text }) } satisfies RelayReply),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) } satisfies RelayReply),
  )
})
process.on('disconnect', () => process.exit(0))

async function answer(message: RelayRequest): Promise<string | undefined> {
  if (message.kind !== 'delete') return relay[message.kind](message.request)
  await relay.delete(message.sessionId)
  return undefined
}

await relay.start()
process.send?.({ id: 0 } satisfies RelayReply)
