import t from 'tap'
import { encodeFrame } from '#src/engine/wire/frame.ts'
import { DoorClient } from '#test/engine/support/door-client.ts'
import { RawPeer } from '#test/engine/support/raw-peer.ts'
import { portOf, startBareEngine } from '#test/support/start-engine.ts'

void t.test('ACK and BYE in one write reach the callee in this order', async (t) => {
  const engine = await startBareEngine(t, { door: { host: '127.0.0.1', port: 0, secret: 's' } })
  const callee = await RawPeer.open(t, portOf(engine, 'udp'))
  const app = await DoorClient.open(t, engine.door?.port ?? 0)
  await app.ask('1|authenticate|s|')
  app.send(`2|sip||\r\nINVITE sip:bob@127.0.0.1:${callee.port} SIP/2.0\r\n\r\n`)
  const invite = await callee.nextRequest('INVITE')
  t.equal((await app.next())[1], 'response')
  callee.send(callee.answer(invite, 200, 'OK', 'bob'))
  const dialog = (await app.next())[9] ?? ''
  t.match(dialog, /;from-tag=/)
  const ack = encodeFrame(`3|sip||${dialog}\r\nACK sip:x SIP/2.0\r\n\r\n`)
  const bye = encodeFrame(`4|sip||${dialog}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`)
  app.write(ack + bye)
  await callee.nextRequest('BYE')
  t.same(
    callee.received.map((message) => (message.kind === 'request' ? message.method : message.status)),
    ['INVITE', 'ACK', 'BYE'],
  )
})
