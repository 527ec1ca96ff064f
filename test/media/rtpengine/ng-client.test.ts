import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { systemRandom } from '#src/base/random.ts'
import {
  asDictionary,
  asList,
  asNumber,
  asText,
  NgClient,
  readDictionary,
} from '#src/media/rtpengine/ng-client.ts'
import { FakeClock } from '#test/support/fake-clock.ts'

type Test = typeof t

async function serve(
  t: Test,
  answer: (text: string, reply: (text: string) => void) => void,
): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.on('message', (packet, source) => {
    answer(packet.toString(), (text) => socket.send(text, source.port, source.address))
  })
  t.teardown(() => socket.close())
  return socket
}

async function client(t: Test, server: Socket, clock = new FakeClock()): Promise<NgClient> {
  const ng = new NgClient({ host: '127.0.0.1', port: server.address().port, clock, random: systemRandom })
  await ng.start()
  t.teardown(() => ng.stop())
  return ng
}

t.test('a request is sent again under the same cookie until it is answered', async (t) => {
  const clock = new FakeClock()
  const seen: string[] = []
  const server = await serve(t as Test, (text, reply) => {
    seen.push(text)
    if (seen.length === 3) reply(`${text.split(' ')[0]} d6:result4:ponge`)
    else clock.advance(10_000 / 2 ** (6 - seen.length))
  })
  const ng = await client(t as Test, server, clock)
  t.same(await ng.request({ command: 'ping' }), { result: 'pong' })
  t.equal(seen.length, 3)
  t.equal(new Set(seen).size, 1)
  t.match(seen[0], /^\S+ d7:command4:pinge$/)
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('replies that nobody asked for are ignored, broken ones are an error', async (t) => {
  const server = await serve(t as Test, (text, reply) => {
    reply('other d6:result2:noe')
    reply('')
    reply(`${text.split(' ')[0]} ${text.includes('good') ? 'd6:result2:oke' : 'nonsense'}`)
  })
  const ng = await client(t as Test, server)
  t.same(await ng.request({ command: 'good' }), { result: 'ok' })
  await t.rejects(ng.request({ command: 'bad' }), { code: 'MEDIA_FAILED' })
})

t.test('stop rejects what is open, and nothing can be asked after', async (t) => {
  const server = await serve(t as Test, () => undefined)
  const ng = await client(t as Test, server)
  const open = ng.request({ command: 'ping' })
  ng.stop()
  await t.rejects(open, { code: 'MEDIA_FAILED' })
  await t.rejects(ng.request({ command: 'ping' }), { code: 'MEDIA_FAILED' })
})

t.test('bencode of any kind becomes text, numbers, lists and dictionaries, or nothing', async (t) => {
  t.same(readDictionary(Buffer.from('d1:ai5e1:bl1:x1:ye1:cd1:d0:ee')), { a: 5, b: ['x', 'y'], c: { d: '' } })
  for (const text of ['', 'i5e', 'l1:xe', 'd1:a', 'd1:a99:xe', '5:ab', 'dd', 'x']) {
    t.same(readDictionary(Buffer.from(text)) ?? {}, {}, JSON.stringify(text))
  }
  t.equal(asText(5), '')
  t.equal(asNumber('12'), 12)
  t.equal(asNumber([]), 0)
  t.same(asList('x'), [])
  t.equal(asDictionary(['x']), undefined)
})
