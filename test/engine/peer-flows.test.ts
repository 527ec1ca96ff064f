import t from 'tap'
import { silentLogger } from '#src/base/logger.ts'
import { FlowWatchers, type PeerAddress } from '#src/engine/peer-flows.ts'
import { fakeFlow } from './support/fake-transport.ts'

void t.test('closed connections are told to all who listen, whatever one of them does', async (t) => {
  const errors: string[] = []
  const logger = { ...silentLogger, error: (_fields: object, text: string) => void errors.push(text) }
  const flow = fakeFlow('tcp')
  const watchers = new FlowWatchers(
    { findFlow: (_protocol, _host, port) => (port === flow.remotePort ? flow : undefined) },
    logger,
  )
  const seen: PeerAddress[] = []
  watchers.onClosed(() => {
    throw new Error('a listener of its own mind')
  })
  const stop = watchers.onClosed((peer) => seen.push(peer))
  const peer = { protocol: flow.protocol, host: flow.remoteHost, port: flow.remotePort }
  t.ok(watchers.isOpen(peer))
  t.notOk(watchers.isOpen({ ...peer, port: 1 }))
  watchers.noteClosed(flow)
  stop()
  watchers.noteClosed(flow)
  t.same(seen, [peer])
  t.same(errors, ['a listener threw', 'a listener threw'])
})
