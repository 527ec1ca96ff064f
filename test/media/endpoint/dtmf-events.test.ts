import t from 'tap'
import {
  DtmfReceiver,
  DtmfSender,
  formatTelephoneEvent,
  keyCode,
  parseTelephoneEvent,
  type DtmfPacket,
} from '#src/media/endpoint/dtmf-events.ts'

const samplesPerInterval = 160

function send(keys: string, firstTimestamp = 0xffffff00): { packets: DtmfPacket[]; intervals: number } {
  const sender = new DtmfSender(samplesPerInterval)
  sender.add(keys)
  const packets: DtmfPacket[] = []
  let intervals = 0
  for (; sender.busy; intervals++) {
    const packet = sender.next((firstTimestamp + intervals * samplesPerInterval) >>> 0)
    if (packet) packets.push(packet)
  }
  return { packets, intervals }
}

function receive(packets: DtmfPacket[]): string {
  const receiver = new DtmfReceiver()
  return packets.map((packet) => receiver.accept(packet.payload, packet.timestamp) ?? '').join('')
}

void t.test(
  'a press is five growing packets with one timestamp, the last one three times (RFC 4733 2.5.1.4)',
  async (t) => {
    const { packets } = send('5', 1000)
    const events = packets.map((packet) => parseTelephoneEvent(packet.payload))
    t.same(
      events.map((event) => event?.duration),
      [160, 320, 480, 640, 800, 800, 800],
    )
    t.same(
      events.map((event) => event?.end),
      [false, false, false, false, true, true, true],
    )
    t.ok(packets.every((packet) => packet.timestamp === 1000))
    t.same(
      packets.map((packet) => packet.marker),
      [true, false, false, false, false, false, false],
    )
  },
)

void t.test('all sixteen keys arrive once each, over the wrap of the timestamp', async (t) => {
  t.equal(receive(send('0123456789*#ABCD').packets), '0123456789*#ABCD')
  t.equal(receive(send('1111').packets), '1111')
  t.equal(receive(send('d').packets), 'D')
})

void t.test('a press is heard when only one of its packets arrives', async (t) => {
  const { packets } = send('7')
  for (const packet of packets) t.equal(receive([packet]), '7')
})

void t.test('a late packet of the press before changes nothing', async (t) => {
  const { packets } = send('12')
  const [first] = packets as [DtmfPacket]
  t.equal(receive([...packets.slice(1), first]), '12')
  t.equal(receive([...packets.slice(1, 9), first, ...packets.slice(9)]), '12')
})

void t.test(
  'a key held longer than 0xffff goes on in segments and is heard once (RFC 4733 2.5.1.3)',
  async (t) => {
    const receiver = new DtmfReceiver()
    const event = (duration: number, end = false): Uint8Array =>
      formatTelephoneEvent({ code: 3, end, volume: 10, duration })
    t.equal(receiver.accept(event(0xffff), 5000), '3')
    t.equal(receiver.accept(event(160), 5000 + 0xffff), undefined)
    t.equal(receiver.accept(event(800, true), 5000 + 0xffff), undefined)
    t.equal(receiver.accept(event(160), 90000), '3', 'the next press is a press')
  },
)

void t.test('events that are not keys, and cut payloads, are not heard', async (t) => {
  const receiver = new DtmfReceiver()
  t.equal(
    receiver.accept(formatTelephoneEvent({ code: 16, end: false, volume: 0, duration: 1 }), 1),
    undefined,
  )
  t.equal(receiver.accept(Uint8Array.of(1, 2, 3), 2), undefined)
  t.equal(receiver.accept(new Uint8Array(0), 3), undefined)
})

void t.test('a new sender may start with older timestamps after a reset', async (t) => {
  const receiver = new DtmfReceiver()
  const press = formatTelephoneEvent({ code: 1, end: false, volume: 0, duration: 160 })
  t.equal(receiver.accept(press, 1_000_000), '1')
  t.equal(receiver.accept(press, 10), undefined)
  receiver.reset()
  t.equal(receiver.accept(press, 10), '1')
})

void t.test('what is not a key is refused as a whole', async (t) => {
  const sender = new DtmfSender(samplesPerInterval)
  t.equal(sender.add('12x'), false)
  t.equal(sender.busy, false)
  t.equal(keyCode('12'), undefined)
  t.equal(keyCode(''), undefined)
  t.equal(keyCode('#'), 11)
})

void t.test('clearing ends the press in hand', async (t) => {
  const sender = new DtmfSender(samplesPerInterval)
  sender.add('99')
  sender.next(0)
  sender.clear()
  t.equal(sender.busy, false)
  t.equal(sender.next(160), undefined)
})
