import t from 'tap'
import { Counters, counterNames } from '#src/pbx/counters.ts'
import type { IncomingRequest, Reply } from '#src/pbx/sip-port.ts'
import { step, type Handler } from '#src/pbx/step.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const request: IncomingRequest = {
  method: 'OPTIONS',
  uri: 'sip:box',
  body: '',
  protocol: 'udp',
  source_address: '192.0.2.1',
  source_port: 5060,
  get: () => 'call-1',
  on: () => undefined,
}

function run(handler: Handler) {
  const sent: { status: number; reason: string; headers?: unknown }[] = []
  const reply = {
    finalResponseSent: false,
    send(status: number, reason: string, options: { headers?: Record<string, string> }) {
      sent.push({ status, reason, headers: options.headers })
      if (status >= 200) this.finalResponseSent = true
    },
  }
  const logger = new MemoryLogger()
  const counters = new Counters()
  step(handler, { logger, counters })(request, reply satisfies Reply)
  return new Promise<{ sent: typeof sent; logger: MemoryLogger; counters: Record<string, number> }>(
    (resolve) => {
      setImmediate(() => resolve({ sent, logger, counters: counters.snapshot() }))
    },
  )
}

t.test('a refusal is sent with its headers', async (t) => {
  const { sent } = await run(async () => ({
    status: 423,
    reason: 'Interval Too Brief',
    headers: { 'Min-Expires': '60' },
  }))
  t.same(sent, [{ status: 423, reason: 'Interval Too Brief', headers: { 'Min-Expires': '60' } }])
})

t.test('a rejection becomes 500, a log line and a count; nothing is lost', async (t) => {
  const { sent, logger, counters } = await run(() => Promise.reject(new Error('oops')))
  t.match(sent, [{ status: 500 }])
  t.match(logger.lines, [{ level: 'error', fields: { method: 'OPTIONS', callId: 'call-1' } }])
  t.equal(counters['handlerFailed'], 1)
})

t.test('an exception before the first await is caught as well', async (t) => {
  const { sent } = await run(() => {
    throw new TypeError('sync')
  })
  t.match(sent, [{ status: 500 }])
})

t.test('a handler that answered and then failed is not answered twice', async (t) => {
  const { sent, counters } = await run(async (_request, reply) => {
    reply.send(200, 'OK', {})
    throw new Error('late')
  })
  t.match(sent, [{ status: 200 }])
  t.equal(sent.length, 1)
  t.equal(counters['handlerFailed'], 1)
})

t.test('every counter starts at zero under its own name', async (t) => {
  const counters = new Counters()
  t.same(Object.keys(counters.snapshot()), [...counterNames])
  t.equal(new Set(counterNames).size, counterNames.length)
  counters.add('authReplay')
  counters.add('authReplay')
  t.equal(counters.snapshot()['authReplay'], 2)
})
