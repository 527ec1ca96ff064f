import t from 'tap'
import { endpointList, helloPayload, parseCommand, timeStamp } from '#src/engine/wire/commands.ts'
import { RouteTable } from '#src/engine/wire/route-table.ts'

void t.test('commands are read', async (t) => {
  t.same(parseCommand('i|authenticate|cymru|a,b'), {
    verb: 'authenticate',
    id: 'i',
    secret: 'cymru',
    tags: ['a', 'b'],
  })
  t.same(parseCommand('i|route|INVITE'), { verb: 'route', id: 'i', method: 'invite' })
  t.same(parseCommand('i|remove_route|invite'), { verb: 'removeRoute', id: 'i', method: 'invite' })
  t.same(parseCommand('i|sip|t|d|sip:p\r\nBYE x SIP/2.0\r\n\r\n'), {
    verb: 'sip',
    id: 'i',
    transaction: 't',
    dialog: 'd',
    proxyUri: 'sip:p',
    message: 'BYE x SIP/2.0\r\n\r\n',
  })
  t.same(parseCommand('i|dance'), { verb: 'unknown', id: 'i', name: 'dance' })
  t.equal(parseCommand('nothing'), undefined)
  t.equal(parseCommand('|route|x'), undefined)
})

void t.test('the hello names every endpoint, IPv6 in brackets', async (t) => {
  const listeners = [
    {
      protocol: 'udp' as const,
      host: '0.0.0.0',
      port: 5060,
      advertisedHost: '192.0.2.1',
      advertisedPort: 5060,
    },
    { protocol: 'tls' as const, host: '::', port: 5061, advertisedHost: '2001:db8::1', advertisedPort: 5061 },
  ]
  t.equal(endpointList(listeners, true), 'udp/192.0.2.1:5060,tls/[2001:db8::1]:5061')
  const tokens = helloPayload('a', 'b', listeners).split('|')
  t.same(tokens.slice(0, 5), ['a', 'response', 'b', 'OK', 'udp/192.0.2.1:5060,tls/[2001:db8::1]:5061'])
  t.match(tokens[5], /^v\d+\.\d+\.\d+/)
  t.equal(tokens[6], 'udp/0.0.0.0:5060,tls/[::]:5061')
})

void t.test('time is that of the day, in UTC', async (t) => {
  t.equal(timeStamp(Date.UTC(2026, 0, 2, 3, 4, 5, 67)), '03:04:05.067000')
})

void t.test('routes turn round robin and are taken back one by one', async (t) => {
  const routes = new RouteTable<string>()
  routes.add('invite', 'a')
  routes.add('invite', 'b')
  routes.add('invite', 'a')
  routes.add('register', 'a')
  t.same(
    [1, 2, 3].map(() => routes.choose('invite')),
    ['a', 'b', 'a'],
  )
  routes.remove('invite', 'a')
  t.equal(routes.choose('register'), 'a', 'only the method named is gone')
  t.equal(routes.choose('invite'), 'b')
  routes.removeAll('b')
  t.equal(routes.choose('invite'), undefined)
})
