import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import type { ServerTls } from '#src/engine/options.ts'
import { formatMessage } from '#src/sip/format-message.ts'
import { until } from '#test/support/until.ts'
import { makeCa, type IssuedCertificate } from '#test/support/certificates.ts'
import { socketClosed } from '#test/support/socket-closed.ts'
import { listenOn, makeRequest, openTcp, startTransport, watchSocket } from './harness.ts'

const never = (error: Error): void => {
  throw error
}

const trunkCa = await makeCa('Trunk Root')
const strangerCa = await makeCa('Stranger Root')
const fallback = await trunkCa.issue({ names: ['box.local'], ips: ['127.0.0.1'] })
const sbc = await trunkCa.issue({ names: ['sbc.example.org'] })
const serverTls: ServerTls = {
  fallback,
  byName: [{ names: ['sbc.example.org', '*.branch.example.org'], ...sbc }],
  trust: [{ name: 'trunk', caPem: [trunkCa.rootPem], names: ['*'], acceptsServerAuthOnly: true }],
}

function startServer(t: Test) {
  return startTransport(t, { listen: [listenOn('tls', { tls: serverTls })] })
}

async function dial(t: Test, port: number, options: tls.ConnectionOptions = {}) {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  return watchSocket(t, socket, 'secureConnect')
}

function clientWith(certificate: IssuedCertificate): tls.ConnectionOptions {
  return { cert: certificate.certificatePem, key: certificate.keyPem }
}

void t.test('the certificate is chosen by SNI, the fallback without or by an unknown name', async (t) => {
  const { port } = await startServer(t)
  const table: [string | undefined, string][] = [
    ['sbc.example.org', 'sbc.example.org'],
    ['SBC.example.org', 'sbc.example.org'],
    ['one.branch.example.org', 'sbc.example.org'],
    ['a.b.branch.example.org', 'box.local'],
    ['unknown.example.org', 'box.local'],
    [undefined, 'box.local'],
  ]
  for (const [servername, expected] of table) {
    const { socket } = await dial(t, port('tls'), servername === undefined ? {} : { servername })
    t.match(socket.getPeerCertificate().subject, { CN: expected }, String(servername))
  }
})

void t.test('TLS below 1.2 is refused', async (t) => {
  const { layer, port } = await startServer(t)
  const socket = tls.connect({
    host: '127.0.0.1',
    port: port('tls'),
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  const [error] = (await once(socket, 'error')) as [Error]
  t.match(error.message, /version|alert|protocol/i)
  t.equal(layer.counters().tlsHandshakeFailures, 1)
})

void t.test('a phone without certificate talks, and has no names', async (t) => {
  const { requests, port } = await startServer(t)
  const phone = await dial(t, port('tls'))
  phone.socket.write(formatMessage(makeRequest()))
  const { flow } = await requests.next()
  t.same(flow.peerNames, [])
  t.equal(flow.protocol, 'tls')
})

void t.test("who calls by the trunk's name without a certificate is told of in the log", async (t) => {
  const { requests, port, logger } = await startServer(t)
  const told = (): unknown[] => logger.lines.map(({ fields }) => fields['advice']).filter(Boolean)
  for (const [servername, lines] of [
    ['box.local', 0],
    ['sbc.example.org', 1],
  ] as const) {
    const peer = await dial(t, port('tls'), { servername })
    peer.socket.write(formatMessage(makeRequest()))
    t.same((await requests.next()).flow.peerNames, [])
    t.equal(told().length, lines, servername)
  }
  t.match(told(), [/showed no certificate/])
})

void t.test('which client certificates give their connection names', async (t) => {
  const { layer, requests, port } = await startServer(t)
  const names = ['sip.pstnhub.microsoft.com', '*.pstnhub.example.org']
  const intermediate = await trunkCa.intermediate('Trunk Issuing CA')
  const notCa = await trunkCa.intermediate('Not A CA', { ca: false })
  const selfSigned = await makeCa('sip.pstnhub.microsoft.com')
  const day = 86_400_000
  const table: [string, IssuedCertificate, readonly string[]][] = [
    ['both purposes', await trunkCa.issue({ names }), names],
    ['serverAuth only', await trunkCa.issue({ names, eku: ['serverAuth'] }), names],
    ['clientAuth only', await trunkCa.issue({ names, eku: ['clientAuth'] }), names],
    ['no purpose named', await trunkCa.issue({ names, eku: [] }), names],
    ['through an intermediate', await intermediate.issue({ names, eku: ['serverAuth'] }), names],
    ['of another root', await strangerCa.issue({ names }), []],
    ['of another root by the same name', await (await makeCa('Trunk Root')).issue({ names }), []],
    ['under a certificate that is no CA', await notCa.issue({ names }), []],
    ['of its own root', await selfSigned.issue({ names }), []],
    [
      'expired',
      await trunkCa.issue({
        names,
        notBefore: new Date(Date.now() - 2 * day),
        notAfter: new Date(Date.now() - 1000),
      }),
      [],
    ],
    [
      'not yet valid',
      await trunkCa.issue({
        names,
        notBefore: new Date(Date.now() + day / 2),
        notAfter: new Date(Date.now() + day),
      }),
      [],
    ],
  ]
  for (const [what, certificate, expected] of table) {
    const peer = await dial(t, port('tls'), clientWith(certificate))
    peer.socket.write(formatMessage(makeRequest()))
    const { flow } = await requests.next()
    t.same(flow.peerNames, expected, what)
    peer.socket.destroy()
  }
  t.match(layer.counters(), { clientCertificatesVerified: 5, clientCertificatesRefused: 6 })
})

void t.test('a chain sent without its intermediate proves nothing', async (t) => {
  const { requests, port } = await startServer(t)
  const issuing = await trunkCa.intermediate('Trunk Issuing CA')
  const { certificatePem, keyPem } = await issuing.issue({ names: ['sip.example.org'] })
  const leafOnly = /-----BEGIN[\s\S]+?-----END CERTIFICATE-----/.exec(certificatePem)?.[0] ?? ''
  const peer = await dial(t, port('tls'), clientWith({ certificatePem: leafOnly, keyPem }))
  peer.socket.write(formatMessage(makeRequest()))
  t.same((await requests.next()).flow.peerNames, [])
})

void t.test('a chain through an intermediate is believed with every purpose', async (t) => {
  const { requests, port } = await startServer(t)
  const issuing = await trunkCa.intermediate('Trunk Issuing CA')
  for (const eku of [['clientAuth'], ['serverAuth'], ['clientAuth', 'serverAuth'], []] as const) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const leaf = await issuing.issue({ names: ['sip.example.org'], eku: [...eku] })
      const peer = await dial(t, port('tls'), { ...clientWith(leaf), maxVersion })
      peer.socket.write(formatMessage(makeRequest()))
      t.same((await requests.next()).flow.peerNames, ['sip.example.org'], `${maxVersion} ${eku.join('+')}`)
      peer.socket.destroy()
    }
  }
})

void t.test('the roots of one trunk prove nothing for another', async (t) => {
  const store = (name: string, caPem: string, acceptsServerAuthOnly = false) => ({
    name,
    caPem: [caPem],
    names: [`sip.${name}.test`, `*.edge.${name}.test`],
    acceptsServerAuthOnly,
  })
  const trust = [store('one', trunkCa.rootPem), store('two', strangerCa.rootPem, true)]
  const { requests, port, layer } = await startTransport(t, {
    listen: [listenOn('tls', { tls: { ...serverTls, trust } })],
  })
  const table: [string[], typeof trunkCa, string[]][] = [
    [['sip.one.test'], trunkCa, ['sip.one.test']],
    [['sip.two.test'], trunkCa, []],
    [['sip.two.test', 'sip.one.test'], trunkCa, ['sip.one.test']],
    [['sip.two.test'], strangerCa, ['sip.two.test']],
    [['*.one.test'], trunkCa, ['sip.one.test']],
    [['a.edge.two.test'], strangerCa, ['a.edge.two.test']],
    [['a.edge.one.test'], strangerCa, []],
  ]
  for (const [names, ca, expected] of table) {
    const peer = await dial(t, port('tls'), clientWith(await ca.issue({ names })))
    peer.socket.write(formatMessage(makeRequest()))
    t.same((await requests.next()).flow.peerNames, expected, names.join(' '))
    peer.socket.destroy()
  }
  const serverOnly = async (ca: typeof trunkCa, name: string): Promise<readonly string[]> => {
    const peer = await dial(
      t,
      port('tls'),
      clientWith(await ca.issue({ names: [name], eku: ['serverAuth'] })),
    )
    peer.socket.write(formatMessage(makeRequest()))
    return (await requests.next()).flow.peerNames
  }
  t.same(await serverOnly(trunkCa, 'sip.one.test'), [], 'serverAuth only is not allowed here')
  t.same(await serverOnly(strangerCa, 'sip.two.test'), ['sip.two.test'])
  t.match(layer.counters(), { clientCertificatesVerified: 6, clientCertificatesRefused: 3 })
})

void t.test('handshakes under way per source are limited, and only they', async (t) => {
  const { layer, port } = await startTransport(t, {
    listen: [listenOn('tls', { tls: serverTls })],
    limits: { maxHandshakesPerSource: 2 },
  })
  const mute = await Promise.all([1, 2].map(() => openTcp(t, port('tls'))))
  const third = await openTcp(t, port('tls'))
  await third.closed
  t.equal(layer.counters().handshakesRefused, 1)
  mute[0]?.socket.destroy()
  await until(() => layer.counters()['tlsHandshakeFailures'] === 2)
  // One place is enough for any number of peers that finish, one after the other.
  for (let count = 1; count <= 4; count++) {
    await dial(t, port('tls'))
    await until(() => layer.counters()['connectionsAccepted'] === count)
  }
  t.equal(layer.counters().handshakesRefused, 1)
})

void t.test('a session is never resumed, so a trunk keeps its names on its second connection', async (t) => {
  const { requests, port } = await startServer(t)
  const issuing = await trunkCa.intermediate('Trunk Issuing CA')
  const client = clientWith(await issuing.issue({ names: ['sip.example.org'], eku: ['serverAuth'] }))
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    let session: Buffer | undefined
    for (let round = 0; round < 2; round++) {
      const peer = await dial(t, port('tls'), { ...client, maxVersion, ...(session ? { session } : {}) })
      peer.socket.on('session', (ticket) => (session = ticket))
      peer.socket.write(`${formatMessage(makeRequest()).toString()}\r\n\r\n`)
      t.same((await requests.next()).flow.peerNames, ['sip.example.org'], `${maxVersion} ${round}`)
      await peer.until(/\r\n/)
      session ??= peer.socket.getSession()
      peer.socket.destroy()
    }
  }
})

void t.test(
  'we dial with the profile of the server name, and the server must be who it should be',
  async (t) => {
    const server = await startServer(t)
    const clientCertificate = await trunkCa.issue({ names: ['sbc.branch.example.org'], eku: ['clientAuth'] })
    const { layer, requests } = await startTransport(t, {
      listen: [
        listenOn('tls', { tls: { ...serverTls, byName: [] }, advertisedHost: 'sbc.branch.example.org' }),
      ],
      outboundTls: [
        {
          names: ['sbc.example.org', '*.branch.example.org'],
          ...clientCertificate,
          caPem: [trunkCa.rootPem],
        },
        { names: ['stranger.example.org'], caPem: [strangerCa.rootPem] },
        { names: ['*'], caPem: [trunkCa.rootPem] },
      ],
    })
    const target = (serverName: string | undefined) => ({
      protocol: 'tls' as const,
      host: '127.0.0.1',
      port: server.port('tls'),
      serverName,
    })
    const flow = await layer.connect(target('sbc.example.org'))
    t.same(flow.peerNames, ['sbc.example.org'])
    t.match(flow, { advertisedHost: 'sbc.branch.example.org', advertisedPort: layer.listeners[0]?.port })
    layer.send(makeRequest(), flow, never)
    const arrived = await server.requests.next()
    t.same(arrived.flow.peerNames, ['sbc.branch.example.org'], 'our certificate was presented')
    server.layer.send(makeRequest({ method: 'INFO' }), arrived.flow, never)
    t.equal((await requests.next()).flow, flow, 'and the far end uses our connection')
    t.equal(await layer.connect(target('sbc.example.org')), flow, 'reused for the same name')
    await t.rejects(layer.connect(target('one.branch.example.org')), /not for one\.branch\.example\.org/)
    await t.rejects(layer.connect(target('stranger.example.org')), 'a root that is not in the profile')
    await t.rejects(layer.connect(target('other.local')), /not for other\.local/)
    const byAddress = await layer.connect({ ...target(undefined) })
    t.equal(byAddress, flow, 'without a name any connection to the address will do')
    t.equal(layer.counters().connectFailures, 3)
  },
)

void t.test('a server known by its address must have it in its certificate', async (t) => {
  const server = await startServer(t)
  const { layer } = await startTransport(t, {
    listen: [],
    outboundTls: [{ names: ['*'], caPem: [trunkCa.rootPem] }],
  })
  const flow = await layer.connect({
    protocol: 'tls',
    host: '127.0.0.1',
    port: server.port('tls'),
    serverName: undefined,
  })
  t.same(flow.peerNames, ['box.local'])
  const other = await startTransport(t, {
    listen: [listenOn('tls', { tls: { ...serverTls, fallback: sbc, byName: [] } })],
  })
  await t.rejects(
    layer.connect({ protocol: 'tls', host: '127.0.0.1', port: other.port('tls'), serverName: undefined }),
    /not for 127\.0\.0\.1/,
  )
})

void t.test('a proved peer may alias its listening port to its connection, a stranger may not', async (t) => {
  const { layer, requests, port } = await startServer(t)
  const via = 'SIP/2.0/TLS sip.example.org:5061;branch=z9hG4bKa;alias'
  const target = { protocol: 'tls' as const, host: '127.0.0.1', port: 5061, serverName: 'sip.example.org' }
  const stranger = await dial(
    t,
    port('tls'),
    clientWith(await strangerCa.issue({ names: ['sip.example.org'] })),
  )
  stranger.socket.write(formatMessage(makeRequest({ via })))
  await requests.next()
  t.equal(layer.findFlow('tls', '127.0.0.1', 5061), undefined)
  const peer = await dial(t, port('tls'), clientWith(await trunkCa.issue({ names: ['sip.example.org'] })))
  peer.socket.write(formatMessage(makeRequest({ via })))
  const { flow } = await requests.next()
  t.equal(await layer.connect(target), flow)
})

void t.test('a handshake that fails or never comes is counted and costs nothing', async (t) => {
  const { layer, requests, port } = await startTransport(t, {
    listen: [listenOn('tls', { tls: serverTls })],
    limits: { halfMessageTimeoutMs: 200, maxConnectionsPerSource: 2 },
  })
  const plain = net.connect({ port: port('tls'), host: '127.0.0.1' })
  plain.on('error', () => undefined)
  plain.resume()
  plain.write('OPTIONS sip:a SIP/2.0\r\n\r\n')
  await socketClosed(plain)
  const mute = net.connect({ port: port('tls'), host: '127.0.0.1' })
  mute.on('error', () => undefined)
  mute.resume()
  await socketClosed(mute)
  t.equal(layer.counters().tlsHandshakeFailures, 2)
  const peer = await dial(t, port('tls'))
  peer.socket.write(formatMessage(makeRequest()))
  t.ok(await requests.next(), 'both places were given back')
})

void t.test('stop does not wait for a handshake under way', async (t) => {
  const { layer, port } = await startServer(t)
  const mute = net.connect({ port: port('tls'), host: '127.0.0.1' })
  mute.on('error', () => undefined)
  mute.resume()
  const peer = await dial(t, port('tls'))
  await layer.stop()
  await Promise.all([socketClosed(mute), peer.closed])
  t.equal(layer.counters().connectionsOpen, 0)
})

void t.test('a certificate that cannot be used fails the start with its listener', async (t) => {
  const broken = { ...serverTls, fallback: { certificatePem: 'nonsense', keyPem: 'nonsense' } }
  await t.rejects(startTransport(t, { listen: [listenOn('tls', { tls: broken })] }), {
    code: 'ENGINE_FAILED',
    details: { protocol: 'tls', host: '127.0.0.1' },
  })
  await t.rejects(
    startTransport(t, { outboundTls: [{ names: ['*'], certificatePem: 'nonsense', keyPem: 'x' }] }),
    {
      code: 'ENGINE_FAILED',
    },
  )
})
