import { createServer } from 'node:net'
import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { createHttpClient } from '#src/microsoft/network-client.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startHttpsPeer } from './https-peer.ts'

const never = new AbortController().signal
const get = (url: string) => ({ method: 'GET' as const, url, headers: {} })

void t.test('it speaks with a server of the given CA, and with no other', async (t) => {
  const { origin, caPem } = await startHttpsPeer(t, (app) => {
    app.post('/', (request, reply) => reply.code(201).header('X-Seen', 'yes').send(request.body))
  })
  const http = createHttpClient({ caPem, clock: systemClock })
  const answer = await http(
    {
      method: 'POST',
      url: origin,
      headers: { 'content-type': 'application/json' },
      body: '{"umlaut":"ä"}',
    },
    never,
  )
  t.match(answer, { status: 201, text: '{"umlaut":"ä"}', headers: { 'x-seen': 'yes' } })
  const stranger = createHttpClient({ caPem: [], clock: systemClock })
  await t.rejects(stranger(get(origin), never), { code: 'TENANT_UNREACHABLE' })
})

void t.test('plain http, a closed port, and an endless answer are TENANT_UNREACHABLE', async (t) => {
  const { origin, caPem, app } = await startHttpsPeer(t, (app) => {
    app.get('/long', () => 'x'.repeat(2 * 1024 * 1024))
  })
  const http = createHttpClient({ caPem, clock: systemClock })
  await t.rejects(http(get(origin.replace('https', 'http')), never), { code: 'TENANT_UNREACHABLE' })
  await t.rejects(http(get(`${origin}/long`), never), {
    code: 'TENANT_UNREACHABLE',
    details: { reason: 'the answer is too long' },
  })
  await app.close()
  await t.rejects(http(get(origin), never), { code: 'TENANT_UNREACHABLE' })
})

void t.test('silence ends after twenty seconds, and an abort ends at once', async (t) => {
  const silent = createServer()
  const accepted = new Promise<void>((resolve) => silent.once('connection', () => resolve()))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : 0
  const clock = new FakeClock()
  const http = createHttpClient({ caPem: [], clock })
  const late = http(get(`https://127.0.0.1:${port}`), never)
  await accepted
  clock.advance(20_000)
  await t.rejects(late, { code: 'TENANT_UNREACHABLE', details: { reason: 'no answer in time' } })
  const abort = new AbortController()
  const cut = http(get(`https://127.0.0.1:${port}`), abort.signal)
  abort.abort(new Error('enough'))
  await t.rejects(cut, { message: 'enough' })
  t.equal(clock.pending, 0, 'no timer is left')
})
