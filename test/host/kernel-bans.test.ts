import t, { type Test } from 'tap'
import { silentLogger } from '#src/base/logger.ts'
import { KernelBans } from '#src/host/kernel-bans.ts'
import type { BanChange } from '#src/host/requests/ports.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

function start(t: Test) {
  const clock = new FakeClock()
  const asked: BanChange[] = []
  let failure: Error | undefined
  const bans = new KernelBans({
    firewall: {
      change: async (change) => {
        asked.push(change)
        if (failure) throw failure
      },
    },
    clock,
    logger: silentLogger,
  })
  bans.start()
  t.teardown(() => bans.stop())
  return {
    ...{ clock, asked, bans },
    fail: (error: Error | undefined) => (failure = error),
    ban: (address: string, forMs = 600_000, reach: 'udp' | 'all' = 'udp') =>
      bans.ban({ address, reach, untilAtMs: clock.nowMs() + forMs }),
  }
}

t.test('the kernel begins with an empty list', async (t) => {
  const { clock, asked } = start(t)
  await clock.run(1_000, 500)
  t.strictSame(asked, [{ flush: true, ban: [], lift: [] }])
  await clock.run(600_000, 10_000)
  t.equal(asked.length, 1, 'and nothing is asked while nothing changes')
})

t.test('changes are gathered, the last word on an address counts, and requests are seldom', async (t) => {
  const { clock, asked, bans, ban } = start(t)
  await clock.run(1_000, 500)
  for (let index = 0; index < 60; index++) {
    ban(`203.0.113.${index}`)
    await clock.run(500)
  }
  t.ok(asked.length <= 5, `${asked.length} requests in half a minute`)
  await clock.run(20_000, 500)
  const told = asked.flatMap(({ ban: entries }) => entries.map(({ address }) => address))
  t.equal(new Set(told).size, 60)
  asked.length = 0
  ban('198.51.100.1')
  bans.lift({ address: '198.51.100.1' })
  ban('2001:db8:1:2::/64', 90_500, 'all')
  await clock.run(20_000, 500)
  t.match(asked, [
    {
      flush: false,
      lift: ['198.51.100.1'],
      ban: [{ address: '2001:db8:1:2::', reach: 'all', seconds: /\d+/ }],
    },
  ])
  t.equal(asked.length, 1)
})

t.test('a long list goes in parts', async (t) => {
  const { clock, asked, ban } = start(t)
  for (let index = 0; index < 400; index++) ban(`10.0.${index >> 8}.${index & 255}`)
  await clock.run(60_000, 500)
  t.strictSame(
    asked.map(({ ban: entries }) => entries.length),
    [150, 150, 100],
  )
})

t.test('this machine and neighbours on the link are the box’s own to refuse', async (t) => {
  const { clock, asked, ban } = start(t)
  for (const address of ['127.0.0.2', 'fe80::1%eth0', '0:0:0:0::/64']) ban(address)
  await clock.run(30_000, 500)
  t.strictSame(asked, [{ flush: true, ban: [], lift: [] }])
})

t.test('what a machine does not take for long is forgotten, and it begins anew', async (t) => {
  const { clock, asked, bans, ban, fail } = start(t)
  await clock.run(1_000, 500)
  fail(new Error('nft failed (1).'))
  for (let index = 0; index < 20_010; index++) {
    const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    ban(address)
    bans.lift({ address })
  }
  fail(undefined)
  asked.length = 0
  await clock.run(60_000, 500)
  t.strictSame(
    asked.map(({ flush, lift }) => [flush, lift.length]),
    [[true, 10]],
  )
})

t.test('what a machine refuses is asked for again much later, and only what still holds', async (t) => {
  const { clock, asked, bans, ban, fail } = start(t)
  fail(new Error('nft failed (1).'))
  ban('203.0.113.1', 60_000)
  ban('203.0.113.2', 3_600_000)
  await clock.run(1_000, 500)
  t.equal(bans.failure, 'nft failed (1).')
  await clock.run(200_000, 10_000)
  t.equal(asked.length, 1)
  fail(undefined)
  bans.lift({ address: '203.0.113.3' })
  await clock.run(120_000, 10_000)
  t.equal(asked.length, 2)
  t.match(asked[1], { flush: true, lift: ['203.0.113.3'], ban: [{ address: '203.0.113.2' }] })
  t.equal(asked[1]?.ban.length, 1)
  t.equal(bans.failure, undefined)
})
