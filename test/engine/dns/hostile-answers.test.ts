import dgram from 'node:dgram'
import { once } from 'node:events'
import { decode, encode, type Answer } from 'dns-packet'
import t, { type Test } from 'tap'
import { systemRandom } from '#src/base/random.ts'
import { DnsCache } from '#src/engine/dns/dns-cache.ts'
import { createDns } from '#src/engine/dns/create-dns.ts'
import type { Answer as DnsAnswer, Ask, RecordType } from '#src/engine/dns/dns-port.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { until } from '#test/support/until.ts'

type Question = { id: number; name: string; type: RecordType }
type Script = (question: Question, send: (bytes: Buffer) => void) => void

async function startServer(t: Test, script: Script): Promise<string> {
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  socket.on('message', (bytes, source) => {
    const { id = 0, questions = [] } = decode(bytes)
    const { name = '', type } = questions[0] ?? {}
    script({ id, name, type: type as RecordType }, (answer) =>
      socket.send(answer, source.port, source.address),
    )
  })
  return `127.0.0.1:${socket.address().port}`
}

function reply({ id, name, type }: Question, answers: Answer[], flags = 0): Buffer {
  return encode({ type: 'response', id, flags, questions: [{ type, name, class: 'IN' }], answers })
}

const address = (name: string, data: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data })

void t.test('answers that do not fit the question are passed over', async (t) => {
  const clock = new FakeClock()
  const server = await startServer(t, (question, send) => {
    const { id, name, type } = question
    if (type !== 'A') {
      send(reply(question, []))
      return
    }
    const forged = [address(name, '203.0.113.66')]
    send(reply({ ...question, id: id ^ 1 }, forged))
    send(reply({ ...question, name: 'other.example.org' }, forged))
    send(reply({ ...question, type: 'AAAA' }, forged))
    send(reply(question, [address('other.example.org', '203.0.113.66'), address(name, '192.0.2.1')]))
  })
  const dns = createDns({ clock, random: systemRandom, servers: [server] })
  t.same(await dns.addresses('a.example.org'), ['192.0.2.1'])
})

void t.test('noise, loops and refusals end in an error, never in a hang', async (t) => {
  const clock = new FakeClock()
  const table: [string, Script, string][] = [
    ['noise', (_question, send) => send(Buffer.from('not DNS at all')), 'BADRESP'],
    [
      'half',
      (question, send) => send(reply(question, [address('a', '192.0.2.1')]).subarray(0, 30)),
      'BADRESP',
    ],
    ['refused', (question, send) => send(reply(question, [], 5)), 'REFUSED'],
    ['server failure', (question, send) => send(reply(question, [], 2)), 'SERVFAIL'],
    [
      'alias after alias',
      (question, send) => {
        const { name } = question
        send(reply(question, [{ type: 'CNAME', name, ttl: 9, data: `x${name}` }]))
      },
      'BADRESP',
    ],
  ]
  for (const [name, script, code] of table) {
    const servers = [await startServer(t, script)]
    const dns = createDns({ clock, random: systemRandom, servers })
    await t.rejects(dns.addresses('a.example.org'), { code }, name)
  }
  const silent = await startServer(t, () => undefined)
  const dns = createDns({ clock, random: systemRandom, servers: [silent] })
  const asked = dns.srv('_sip._udp.example.org')
  const ended = asked.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  )
  let done = false
  void ended.then(() => (done = true))
  await until(() => {
    clock.advance(500)
    return done
  })
  t.equal(await ended, 'ETIMEOUT')
  t.equal(clock.pending, 0)
})

void t.test('the cache: lifetimes, failures, bounds', async (t) => {
  const clock = new FakeClock()
  let asked = 0
  let answer: () => Promise<DnsAnswer<RecordType>> = async () => ({ records: ['192.0.2.1'], ttlMs: 1000 })
  const ask = (() => (asked++, answer())) as unknown as Ask
  const cache = new DnsCache(ask, clock)
  await cache.find('A', 'a')
  clock.advance(999)
  await cache.find('A', 'a')
  t.equal(asked, 1)
  clock.advance(1)
  await cache.find('A', 'a')
  t.equal(asked, 2, 'TTL is over')

  answer = () => new Promise(() => undefined)
  clock.advance(1000)
  const slow = cache.find('A', 'a')
  clock.advance(1799)
  const early = await Promise.race([
    slow.then(() => 'answered'),
    new Promise((resolve) => setImmediate(resolve, 'waiting')),
  ])
  t.equal(early, 'waiting')
  clock.advance(1)
  t.same((await slow).records, ['192.0.2.1'], 'the old answer after 1.8 s')

  answer = async () => Promise.reject(new Error('no server'))
  await t.rejects(cache.find('A', 'b'), /no server/)
  await t.rejects(cache.find('A', 'b'), /no server/)
  const before = asked
  clock.advance(5000)
  await t.rejects(cache.find('A', 'b'))
  t.equal(asked, before + 1, 'a failure is remembered for 5 s')

  answer = async () => ({ records: [], ttlMs: 30_000 })
  for (let index = 0; index < 2500; index++) await cache.find('A', `name-${index}`)
  t.equal(cache.size, 2000)
  answer = () => new Promise(() => undefined)
  const open = Array.from({ length: 300 }, (_, index) => cache.find('SRV', `open-${index}`))
  const refused = await Promise.race(
    open.slice(260).map((one) => one.catch((error: { code: string }) => error.code)),
  )
  t.equal(refused, 'EBUSY')
  for (const one of open) one.catch(() => undefined)
})
