import { systemRandom } from '#src/base/random.ts'
import { AnsweredRequests } from '#src/engine/transaction/answered-requests.ts'
import type { ServerTransaction } from '#src/engine/transaction/server-transaction.ts'
import { TransactionLayer } from '#src/engine/transaction/transaction-layer.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { FakeTransport } from '../support/fake-transport.ts'

const bases = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 }

/** A transaction layer on a fake clock and transport; what comes up is noted, and nothing is answered. */
export function world() {
  const clock = new FakeClock()
  const transport = new FakeTransport(clock)
  const counters = {
    retransmissionsSent: 0,
    retransmissionsReceived: 0,
    clientTimeouts: 0,
    serverTimeouts: 0,
    transportErrors: 0,
  }
  const requests: ServerTransaction[] = []
  const cancels: (ServerTransaction | undefined)[] = []
  const acks: SipRequest[] = []
  const stray: SipResponse[] = []
  const answered = new AnsweredRequests({ clock, random: systemRandom, lifetimeMs: 64 * bases.t1Ms })
  const layer = new TransactionLayer(
    { clock, bases, transport, counters, answered },
    transport,
    systemRandom,
    {
      onRequest: (transaction) => void requests.push(transaction),
      onCancel: (_transaction, invite) => void cancels.push(invite),
      onAck: (ack) => void acks.push(ack),
      onStraySuccess: (response) => void stray.push(response),
    },
  )
  return { clock, transport, counters, layer, requests, cancels, acks, stray }
}
/** Lets what waits for a later turn have its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}
