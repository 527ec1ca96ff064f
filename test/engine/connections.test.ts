import { connect, createServer, type Socket } from 'node:net'
import type Srf from 'drachtio-srf'
import t, { type Test } from 'tap'
import { parseMessage } from '#src/sip/parse-message.ts'
import type { SipMessage, SipRequest } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine } from '#test/support/start-engine.ts'
import { sdp, toTagOf } from './support/raw-peer.ts'
import { until } from '#test/support/until.ts'

/** A phone behind one TCP connection that it opened itself. */
class TcpPhone {
  readonly received: SipMessage[] = []
  readonly #socket: Socket
  #text = ''
  #waiting: ((message: SipMessage) => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString()
      for (;;) {
        const end = this.#text.indexOf('\r\n\r\n')
        const length = Number(/content-length: *(\d+)/i.exec(this.#text)?.[1] ?? 0)
        if (end === -1 || this.#text.length < end + 4 + length) return
        this.#take(parseMessage(Buffer.from(this.#text.slice(0, end + 4 + length))))
        this.#text = this.#text.slice(end + 4 + length)
      }
    })
  }

  static async open(t: Test, port: number): Promise<TcpPhone> {
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    t.teardown(() => socket.destroy())
    return new TcpPhone(socket)
  }

  get port(): number {
    return this.#socket.localPort ?? 0
  }

  send(lines: string[], body = ''): void {
    const type = body === '' ? [] : ['Content-Type: application/sdp']
    this.#socket.write(
      [...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'),
    )
  }

  async next(): Promise<SipMessage> {
    const message = this.received.shift()
    return message ?? new Promise((resolve) => (this.#waiting = resolve))
  }

  answer(request: SipRequest, status: string, extra: string[] = [], body = ''): void {
    const { headers } = request
    const to = headers.get('To') ?? ''
    this.send(
      [
        `SIP/2.0 ${status}`,
        ...headers.getAll('Via').map((via) => `Via: ${via}`),
        `From: ${headers.get('From') ?? ''}`,
        `To: ${to.includes('tag=') ? to : `${to};tag=phone`}`,
        `Call-ID: ${headers.get('Call-ID') ?? ''}`,
        `CSeq: ${headers.get('CSeq') ?? ''}`,
        ...extra,
      ],
      body,
    )
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(message: SipMessage): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting) waiting(message)
    else this.received.push(message)
  }
}

function invite(phone: TcpPhone): string[] {
  return [
    'INVITE sip:200@box SIP/2.0',
    `Via: SIP/2.0/TCP 10.9.8.7:5060;branch=z9hG4bKi${phone.port}`,
    'From: <sip:100@box>;tag=i',
    'To: <sip:200@box>',
    'Call-ID: call',
    'CSeq: 1 INVITE',
    'Contact: <sip:100@10.9.8.7:5060;transport=tcp>',
  ]
}

function register(phone: TcpPhone): string[] {
  return [
    'REGISTER sip:box SIP/2.0',
    `Via: SIP/2.0/TCP 10.9.8.7:5060;branch=z9hG4bKr${phone.port}`,
    'From: <sip:100@box>;tag=r',
    'To: <sip:100@box>',
    'Call-ID: reg',
    'CSeq: 1 REGISTER',
    // What a phone behind NAT says of itself: nobody can reach it there.
    'Contact: <sip:100@10.9.8.7:5060;transport=tcp>',
  ]
}

void t.test('a phone that registered over TCP is called over its own connection, to the end', async (t) => {
  const { srf, tcpPort, engine } = await startTestEngine(t)
  const source = new Promise<string>((resolve) => {
    srf.use('register', (req, res) => {
      resolve(`${req.source_address}:${req.source_port};transport=${req.protocol}`)
      res.send(200)
    })
  })
  const phone = await TcpPhone.open(t, tcpPort)
  phone.send(register(phone))
  t.match(await phone.next(), { status: 200 })
  t.equal(await source, `127.0.0.1:${phone.port};transport=tcp`)

  const calling = srf.createUAC('sip:100@10.9.8.7:5060;transport=tcp', {
    localSdp: sdp,
    proxy: `sip:${await source}`,
    headers: { contact: 'sip:box@localhost' },
  })
  const invite = (await phone.next()) as SipRequest
  t.equal(invite.uri, 'sip:100@10.9.8.7:5060;transport=tcp')
  t.notOk(invite.headers.has('Route'), 'the proxy is a next hop and no header')
  t.equal(invite.headers.get('Contact'), `<sip:box@127.0.0.1:${tcpPort};transport=tcp>`)
  phone.answer(invite, '200 OK', ['Contact: <sip:100@10.9.8.7:5060;transport=tcp>'], sdp)
  const ack = (await phone.next()) as SipRequest
  t.equal(ack.method, 'ACK')
  const dialog = await calling
  dialog.destroy()
  const bye = (await phone.next()) as SipRequest
  t.equal(bye.method, 'BYE')
  t.equal(toTagOf(bye), 'phone')
  phone.answer(bye, '200 OK')
  await until(() => engine.counters()['dialogsAlive'] === 0)
  t.equal(engine.counters()['connectionsOpened'], 0)
})

void t.test('a ringing phone whose connection breaks fails the call at once', async (t) => {
  const { srf, tcpPort } = await startTestEngine(t)
  srf.use('register', (_req, res) => res.send(200))
  const phone = await TcpPhone.open(t, tcpPort)
  phone.send(register(phone))
  await phone.next()
  const calling = srf.createUAC('sip:100@10.9.8.7:5060', {
    localSdp: sdp,
    proxy: `sip:127.0.0.1:${phone.port};transport=tcp`,
  })
  const failed = calling.then(
    () => 0,
    (error: { status: number }) => error.status,
  )
  const invite = (await phone.next()) as SipRequest
  phone.answer(invite, '180 Ringing')
  phone.close()
  t.equal(await failed, 503)
})

void t.test('the next address of a name is tried when the first refuses', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const connected = new Promise<TcpPhone>((resolve) => {
    server.on('connection', (socket) => {
      t.teardown(() => socket.destroy())
      resolve(new TcpPhone(socket))
    })
  })
  const { srf } = await startTestEngine(t, {
    staticHosts: [
      { name: 'trunk.test', address: '127.0.0.3' },
      { name: 'trunk.test', address: '127.0.0.2' },
    ],
  })
  const calling = srf.createUAC(`sip:x@trunk.test:${port};transport=tcp`, { localSdp: sdp })
  const phone = await connected
  const invite = (await phone.next()) as SipRequest
  phone.answer(invite, '200 OK', [`Contact: <sip:x@127.0.0.2:${port};transport=tcp>`], sdp)
  t.match(await phone.next(), { method: 'ACK' })
  const dialog: Srf.Dialog = await calling
  t.equal(dialog.sip.remoteTag, 'phone')
})

void t.test('a caller whose connection breaks: the answer is tried, then the call is ended', async (t) => {
  const clock = new FakeClock()
  const { srf, tcpPort, engine } = await startTestEngine(t, { clock })
  let answer = (): Promise<Srf.Dialog> => Promise.reject(new Error('no INVITE yet'))
  srf.use('invite', (req, res) => {
    answer = () => srf.createUAS(req, res, { localSdp: sdp })
    res.send(180)
  })
  const phone = await TcpPhone.open(t, tcpPort)
  phone.send(invite(phone), sdp)
  t.match(await phone.next(), { status: 100 })
  t.match(await phone.next(), { status: 180 })
  phone.close()
  await until(() => engine.counters()['connectionsOpen'] === 0)
  const dialog = await answer()
  await until(() => engine.counters()['transportErrors'] === 1)
  t.equal(engine.counters()['serverTransactionsAlive'], 1, 'RFC 6026 7.1: it stays')
  const ended = new Promise<void>((resolve) => dialog.on('destroy', () => resolve()))
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await pass(31)
  t.equal(engine.counters()['transportErrors'], 1, 'each repetition of the 200 fails; that is told once')
  await pass(1)
  await ended
  t.equal(engine.counters()['serverTransactionsAlive'], 0)
})
