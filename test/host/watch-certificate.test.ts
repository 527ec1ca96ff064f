import t from 'tap'
import { ensureBoxCertificate, type BoxCertificate } from '#src/host/certificate.ts'
import { watchBoxCertificate } from '#src/host/watch-certificate.ts'
import { openTestStore } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const dayMs = 86_400_000

t.test('a new address and a near end bring a new certificate, a full disk only a warning', async (t) => {
  const { secrets: kept } = openTestStore(t)
  const clock = new FakeClock(Date.UTC(2027, 0, 1))
  const logger = new MemoryLogger()
  const names = ['localhost']
  let addresses = ['127.0.0.1']
  let diskFull = false
  const secrets = {
    get: (name: string) => kept.get(name),
    remove: (name: string) => kept.remove(name),
    set(name: string, value: string) {
      if (diskFull) throw new Error('disk full')
      kept.set(name, value)
    },
  }
  const renewed: BoxCertificate[] = []
  const stop = new AbortController()
  const current = await ensureBoxCertificate({ secrets, clock, names, addresses })
  const watching = watchBoxCertificate(
    {
      current,
      secrets,
      clock,
      logger,
      names,
      addresses: () => addresses,
      onRenewed: (one) => renewed.push(one),
    },
    stop.signal,
  )
  /** Moves time on and waits until the watcher sleeps again. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  }

  await pass(600_000)
  t.equal(renewed.length, 0, 'nothing to do')
  addresses = ['127.0.0.1', '192.0.2.9']
  diskFull = true
  await pass(600_000)
  t.equal(renewed.length, 0)
  t.match(logger.lines, [{ level: 'warn', fields: { reason: 'disk full' } }])
  diskFull = false
  await pass(600_000)
  t.equal(renewed.length, 1)
  t.not(renewed[0]?.certificatePem, current.certificatePem)
  await pass(338 * dayMs)
  t.equal(renewed.length, 2)
  t.equal(renewed[1]?.caPem, current.caPem)
  stop.abort(new Error('stopping'))
  await t.rejects(watching, { message: 'stopping' })
  t.equal(clock.pending, 0)
})
