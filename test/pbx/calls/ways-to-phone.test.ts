import t from 'tap'
import type { Binding, FlowAddress } from '#src/model/binding.ts'
import {
  groupByPhone,
  isWayFailure,
  noteFailedWay,
  waysToPhone,
  type Reach,
  type Way,
} from '#src/pbx/calls/ways-to-phone.ts'
import { SipFailure } from '#src/pbx/sip-port.ts'
import { someBinding } from '#test/store/store-fixture.ts'

/** Answers about flows from a table of ports; nothing is known of others. */
function reachOf(open: Record<number, boolean>): Reach & { dropped: (number | undefined)[] } {
  const dropped: (number | undefined)[] = []
  return {
    isOpen: ({ port }: FlowAddress) => open[port],
    lost: (binding) => dropped.push(binding.regId),
    dropped,
  }
}

const flow = (protocol: FlowAddress['protocol'], port: number): FlowAddress => ({
  protocol,
  host: '192.0.2.1',
  port,
})
const hops = (bindings: Binding[], reach: Reach): string[] =>
  [...waysToPhone(bindings, reach)].map(({ target }) => target.proxy ?? `at ${target.uri}`)

t.test('one phone is one target, whatever stands between its flows', async (t) => {
  const bindings = [
    someBinding({ instanceId: 'x', regId: 2, contactUri: 'sip:2@h' }),
    someBinding({ contactUri: 'sip:other@h' }),
    someBinding({ instanceId: 'y', contactUri: 'sip:y@h' }),
    someBinding({ instanceId: 'x', regId: 1, contactUri: 'sip:1@h' }),
    someBinding({ contactUri: 'sip:third@h' }),
  ]
  t.same(
    groupByPhone(bindings).map((group) => group.map(({ contactUri }) => contactUri)),
    [['sip:2@h', 'sip:1@h'], ['sip:other@h'], ['sip:y@h'], ['sip:third@h']],
  )
  t.same(groupByPhone([]), [])
})

t.test('UDP is sent to and nothing else', async (t) => {
  const contactUri = 'sip:a@10.0.0.5:5060'
  t.same(hops([someBinding({ flow: flow('udp', 1), contactUri })], reachOf({ 1: false })), [
    'sip:192.0.2.1:1;transport=udp',
  ])
})

t.test('a closed connection is not tried: the next flow is, and the binding goes', async (t) => {
  const flows = [
    someBinding({ instanceId: 'x', regId: 1, flow: flow('tls', 1) }),
    someBinding({ instanceId: 'x', regId: 2, flow: flow('tcp', 2) }),
  ]
  const reach = reachOf({ 1: false, 2: true })
  t.same(hops(flows, reach), ['sip:192.0.2.1:2;transport=tcp'])
  t.same(reach.dropped, [1])
  const none = reachOf({ 1: false, 2: false })
  t.same(hops(flows, none), [], 'the phone connects anew; its Contact is no place to go')
  t.same(none.dropped, [1, 2])
  t.same(hops(flows, reachOf({})).length, 2, 'another engine cannot say: both are tried')
})

t.test('a phone with one connection is asked at its Contact once that is closed', async (t) => {
  const listening = someBinding({ flow: flow('tcp', 1), contactUri: 'sip:a@10.0.0.5:5060;transport=tcp' })
  const at = 'at sip:a@10.0.0.5:5060;transport=tcp'
  t.same(hops([listening], reachOf({ 1: false })), [at])
  t.same(hops([listening], reachOf({ 1: true })), ['sip:192.0.2.1:1;transport=tcp'])
  t.same(hops([listening], reachOf({})), ['sip:192.0.2.1:1;transport=tcp', at])

  const state = { 1: true }
  const ways = waysToPhone([listening], reachOf(state))
  t.equal(ways.next().value?.target.proxy, 'sip:192.0.2.1:1;transport=tcp')
  state[1] = false
  t.equal(ways.next().value?.target.proxy, undefined, 'it closed while we tried')

  const same = someBinding({ flow: flow('tcp', 5060), contactUri: 'sip:a@192.0.2.1:5060;transport=tcp' })
  t.equal(hops([same], reachOf({})).length, 1, 'an address that was just tried')
  t.equal(hops([same], reachOf({ 5060: false })).length, 1, 'but may be opened again')
  for (const contactUri of ['sip:a@df7jal23ls0d.invalid;transport=ws', 'sip:a@h.INVALID']) {
    t.same(hops([someBinding({ flow: flow('tcp', 1), contactUri })], reachOf({ 1: false })), [], contactUri)
  }
  t.same(hops([someBinding({ flow: flow('wss', 1) })], reachOf({ 1: false })), [], 'browsers listen nowhere')
})

t.test('a Path is the route, its first hop the next (RFC 3327 5.4)', async (t) => {
  const path = ['<sip:192.0.2.1:5070;transport=tcp;lr>', '<sip:phone@10.0.0.1;lr;ob>']
  const [way] = [...waysToPhone([someBinding({ path, flow: flow('tcp', 1) })], reachOf({ 1: false }))]
  t.match(way, {
    target: { uri: 'sip:line1@192.0.2.1:5060', proxy: 'sip:192.0.2.1:5070;transport=tcp;lr' },
    headers: { Route: path.join(', ') },
  })
  const kept = [...waysToPhone([someBinding({ path, flow: flow('tcp', 1) })], reachOf({ 1: true }))]
  t.match(kept, [{ target: { proxy: 'sip:192.0.2.1:1;transport=tcp' } }], 'over the connection of that proxy')
  const elsewhere = [
    ...waysToPhone(
      [someBinding({ path, flow: { ...flow('tcp', 1), host: '192.0.2.9' } })],
      reachOf({ 1: true }),
    ),
  ]
  t.match(elsewhere, [{ target: { proxy: 'sip:192.0.2.1:5070;transport=tcp;lr' } }])
})

t.test('430 from a proxy ends a flow for good; what a person says is no failure of the way', async (t) => {
  const statuses = [430, 408, 503, 404, 486, 480, 500, 603]
  t.same(
    statuses.filter((status) => isWayFailure(new SipFailure(status, ''))),
    [430, 408, 503],
  )
  const reach = reachOf({})
  const way = (regId: number | undefined): Way => ({
    binding: someBinding({ regId }),
    target: { uri: '', proxy: undefined },
    headers: {},
  })
  noteFailedWay(way(1), new SipFailure(430, 'Flow Failed'), reach)
  noteFailedWay(way(2), new SipFailure(503, 'Service Unavailable'), reach)
  noteFailedWay(way(undefined), new SipFailure(430, 'Flow Failed'), reach)
  t.same(reach.dropped, [1])
})
