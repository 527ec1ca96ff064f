import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { protocolVersion, type FromWorker, type ToWorker, type WorkerSettings } from '../protocol.ts'
import { Relay } from './relay.ts'

// The entry of a relay worker: takes requests in their order, answers each, and dies with an unforeseen error,
// which the host sees and mends.
const port = parentPort
if (!port) throw new Error('this file is the entry of a worker thread')

const settings = workerData as WorkerSettings
const say = (message: FromWorker): void => port.postMessage(message)
const relay = new Relay({
  settings,
  clock: systemClock,
  random: systemRandom,
  onInactive: (sessionId) => say({ kind: 'inactive', sessionId }),
})
relay.start()

let previous: Promise<void> = Promise.resolve()
port.on('message', (request: ToWorker) => {
  previous = previous.then(async () => {
    say({ kind: 'reply', id: request.id, result: await relay.handle(request) })
  })
})
say({ kind: 'ready', version: protocolVersion })
