import t from 'tap'
import { preloadedRoute } from '#src/engine/dialog/preloaded-route.ts'
import { SipHeaders } from '#src/sip/message.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { ask } from '../support/ask.ts'
import { RawPeer } from '../support/raw-peer.ts'

void t.test('Route of the application leads a request outside dialogs (RFC 3261 8.1.2)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const proxy = await RawPeer.open(t, udpPort)
  const hop = `<sip:edge@127.0.0.1:${proxy.port};lr>`
  const table: { route: string; proxy?: string; uri: string; sent: string[] }[] = [
    { route: hop, uri: 'sip:bob@192.0.2.9', sent: [hop] },
    { route: `${hop}, <sip:192.0.2.2;lr>`, uri: 'sip:bob@192.0.2.9', sent: [hop, '<sip:192.0.2.2;lr>'] },
    // The command's proxy is where it goes; the route set stays as it is.
    {
      route: '<sip:192.0.2.2;lr>',
      proxy: `sip:127.0.0.1:${proxy.port}`,
      uri: 'sip:bob@192.0.2.9',
      sent: ['<sip:192.0.2.2;lr>'],
    },
    // RFC 3261 12.2.1.1: a strict router finds itself in the Request-URI.
    {
      route: `<sip:strict@127.0.0.1:${proxy.port};method=INVITE>`,
      uri: `sip:strict@127.0.0.1:${proxy.port}`,
      sent: ['<sip:bob@192.0.2.9>'],
    },
    // What led to us is done with.
    { route: `<sip:127.0.0.1:${udpPort};lr>, ${hop}`, uri: 'sip:bob@192.0.2.9', sent: [hop] },
  ]
  for (const { route, proxy: proxyUri, uri, sent } of table) {
    const asked = ask(srf, 'sip:bob@192.0.2.9', {
      method: 'OPTIONS',
      headers: { Route: route },
      ...(proxyUri ? { proxy: proxyUri } : {}),
    })
    const request = await proxy.nextRequest('OPTIONS')
    t.equal(request.uri, uri, route)
    t.same(request.headers.getAll('Route'), sent, route)
    proxy.send(proxy.answer(request, 200, 'OK', 'bob'))
    await asked
  }
  t.equal(table.length, 5)
})

void t.test('what is no SIP address can be sent along a Route (RFC 5031)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const proxy = await RawPeer.open(t, udpPort)
  const asked = ask(srf, 'urn:service:sos', {
    method: 'MESSAGE',
    headers: { Route: `<sip:127.0.0.1:${proxy.port};lr>` },
  })
  const request = await proxy.nextRequest('MESSAGE')
  t.equal(request.uri, 'urn:service:sos')
  proxy.send(proxy.answer(request, 200, 'OK', 'bob'))
  t.equal((await asked).status, 200)
})

void t.test('our own name is known in any letters, and by the port of its transport', async (t) => {
  const host = '192.0.2.1'
  const ours = [
    { protocol: 'tls' as const, host, port: 5061, advertisedHost: 'SBC.example.com', advertisedPort: 5061 },
  ]
  for (const route of [
    '<sip:sbc.example.com;transport=tls;lr>',
    '<sips:Sbc.Example.Com;lr>',
    `<sips:${host};lr>`,
  ]) {
    t.same(preloadedRoute(new SipHeaders(['Route', route]), ours), [], route)
  }
  const other = '<sip:sbc.example.com;lr>'
  t.same(preloadedRoute(new SipHeaders(['Route', other]), ours), [other], 'port 5060 is somebody else')
})
