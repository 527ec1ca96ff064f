import t from 'tap'
import type { TrunkHealth } from '#src/pbx/ports.ts'
import { TrunkState } from '#src/pbx/uplink/trunk-state.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

const hosts = ['sip', 'sip2', 'sip3'].map((name) => ({ name, port: 5061, address: undefined }))

function start() {
  const clock = new FakeClock()
  const told: TrunkHealth[] = []
  const state = new TrunkState({
    hosts,
    intervalMs: 60_000,
    clock,
    onChange: (health) => void told.push(health),
  })
  return { clock, told, state }
}

t.test(
  'healthy for three intervals after the last good answer, down after (acceptance number 1)',
  async (t) => {
    const { clock, state } = start()
    t.equal(state.health().state, 'down', 'nothing is known yet')
    for (const { name } of hosts) state.noteOk(name)
    t.equal(state.health().state, 'up')
    clock.advance(180_000)
    t.equal(state.health().state, 'up', 'three minutes: still healthy')
    clock.advance(1)
    t.equal(state.health().state, 'down')
  },
)

t.test('one dead host degrades, all dead take the trunk down, news are told once', async (t) => {
  const { clock, state, told } = start()
  state.noteOk('sip')
  state.noteOk('sip2')
  t.equal(state.health().state, 'degraded')
  state.noteOk('sip3')
  t.same(
    told.map((health) => health.state),
    ['degraded', 'degraded', 'up'],
  )
  state.noteOk('sip3')
  t.equal(told.length, 3, 'another good answer is no news')
  clock.advance(200_000)
  state.noteFailure('sip', '408 Request Timeout')
  t.match(told.at(-1), {
    state: 'down',
    hosts: [{ name: 'sip', up: false, lastError: '408 Request Timeout' }],
  })
  state.noteFailure('unknown host', 'x')
  t.equal(told.length, 4)
})

t.test('calls go to healthy hosts first and to dead ones last', async (t) => {
  const { clock, state } = start()
  const order = (): string[] => state.hostsByPreference().map((host) => host.name)
  t.same(order(), ['sip', 'sip2', 'sip3'], 'before the first OPTIONS the order of the tenant')
  state.noteFailure('sip', 'refused')
  t.same(order(), ['sip2', 'sip3', 'sip'])
  state.noteOk('sip')
  t.same(order(), ['sip', 'sip2', 'sip3'])
  state.noteOk('sip3')
  clock.advance(100_000)
  state.noteOk('sip3')
  clock.advance(100_000)
  t.same(order(), ['sip2', 'sip3', 'sip'], 'sip was not heard of for more than three intervals')
})
