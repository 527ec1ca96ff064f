import t from 'tap'
import type { IncomingRequest } from '#src/pbx/sip-port.ts'
import { TrunkPeer } from '#src/pbx/uplink/trunk-peer.ts'
import { peerNamesHeader } from '#src/sip/peer-identity.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'

const hosts = [
  { name: 'sip.pstnhub.example', port: 5061, address: undefined },
  { name: 'sip2.pstnhub.example', port: 5061, address: '192.0.2.2' },
]

function request(from: { names?: string; protocol?: string; address?: string }): IncomingRequest {
  return {
    method: 'INVITE',
    uri: 'sip:+49@box',
    body: '',
    protocol: from.protocol ?? 'tls',
    source_address: from.address ?? '198.51.100.9',
    source_port: 40000,
    get: (name) => (name === peerNamesHeader ? from.names : undefined),
    on: () => undefined,
  }
}

function peer(
  foreignEngine: boolean,
  resolve: (name: string) => Promise<string[]> = async () => ['192.0.2.1'],
) {
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  return {
    clock,
    logger,
    trunk: new TrunkPeer({ hosts, foreignEngine, resolveHost: resolve, clock, logger }),
  }
}

t.test('with our engine the names of the verified certificate decide', async (t) => {
  const { trunk } = peer(false)
  const table: [string | undefined, boolean][] = [
    ['sip.pstnhub.example', true],
    ['other.example, SIP2.pstnhub.example', true],
    ['*.pstnhub.example', true],
    ['*.example', false],
    ['pstnhub.example', false],
    ['xsip.pstnhub.example', false],
    ['sip.pstnhub.example.evil.example', false],
    ['', false],
    [undefined, false],
  ]
  for (const [names, expected] of table) {
    t.equal(await trunk.is(request(names === undefined ? {} : { names })), expected, String(names))
  }
  t.equal(await trunk.is(request({ address: '192.0.2.2' })), false, 'an address alone proves nothing')
})

t.test('with a drachtio-server the address over TLS decides, a header is not believed', async (t) => {
  const { trunk } = peer(true)
  t.equal(await trunk.is(request({ address: '192.0.2.1' })), true)
  t.equal(await trunk.is(request({ address: '192.0.2.2' })), true)
  t.equal(await trunk.is(request({ address: '192.0.2.1', protocol: 'udp' })), false)
  t.equal(await trunk.is(request({ names: 'sip.pstnhub.example' })), false)
})

t.test('names are resolved once a minute, and the last answer outlives a DNS failure', async (t) => {
  let asked = 0
  let fails = false
  const { trunk, clock, logger } = peer(true, async () => {
    asked++
    if (fails) throw new Error('SERVFAIL')
    return ['192.0.2.1']
  })
  await trunk.is(request({ address: '192.0.2.1' }))
  await trunk.is(request({ address: '192.0.2.1' }))
  t.equal(asked, 1)
  fails = true
  clock.advance(60_001)
  t.equal(await trunk.is(request({ address: '192.0.2.1' })), true)
  t.equal(asked, 2)
  t.equal(logger.lines.filter((line) => line.level === 'warn').length, 1)
})

t.test('without a trunk nobody is Teams', async (t) => {
  const trunk = new TrunkPeer({
    hosts: [],
    foreignEngine: false,
    resolveHost: async () => [],
    clock: new FakeClock(),
    logger: new MemoryLogger(),
  })
  t.equal(await trunk.is(request({ names: 'sip.pstnhub.example' })), false)
})
