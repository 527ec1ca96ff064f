import { request, type RequestOptions } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import type { ApiHandle } from '#src/api/ports.ts'
import { startApi } from '#src/api/start-api.ts'
import { ApplianceError } from '#src/base/errors.ts'
import { openTestStore } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { ask } from '#test/support/https.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { socketClosed } from '#test/support/socket-closed.ts'
import { makeCertificate, testCertificate, testOptions, testPassword } from './api-fixture.ts'
import { FakePbx, FakeSignIn } from './fakes.ts'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

async function running(t: Teardown, change: Parameters<typeof testOptions>[0] = {}): Promise<ApiHandle> {
  const api = await startApi(await testOptions(change))
  t.teardown(() => api.stop())
  return api
}

t.test('HTTPS serves the API with the box certificate; HTTP leads there', async (t) => {
  const { certPem } = await testCertificate()
  const api = await running(t)
  const origin = `https://127.0.0.1:${api.httpsPort}`
  t.equal((await ask(`${origin}/api/health`, { caPem: certPem })).status, 200)

  const door = `http://127.0.0.1:${api.httpPort}`
  const page = await ask(`${door}/some/page?x=1`)
  t.match([page.status, page.headers.location], [308, `${origin}/some/page?x=1`])
  const post = await ask(`${door}/api/login`, { body: { password: testPassword } })
  t.match([post.status, post.headers.location], [308, `${origin}/api/login`])
  const ca = await ask(`${door}/ca.pem`)
  t.match([ca.status, ca.text], [200, 'BEGIN CERTIFICATE'])
  t.equal((await ask(`${door}/p/unknown-token`)).status, 404)
  const strange = await ask(`${door}//evil.example/x`, { headers: { host: 'evil.example"><script>' } })
  t.equal(new URL(strange.headers.location as string).host, `127.0.0.1:${api.httpsPort}`)
})

t.test('nonsense is answered as such on both ports and is no error of the box', async (t) => {
  const { certPem } = await testCertificate()
  const logger = new MemoryLogger()
  const api = await running(t, { logger })
  const door = `http://127.0.0.1:${api.httpPort}`
  t.equal((await ask(`${door}/%zz`)).status, 400)
  t.equal((await ask(`${door}/p/x`, { body: 'x'.repeat(2_000) })).status, 413)
  t.equal(
    (await ask(`${door}/p/x`, { method: 'POST', headers: { 'content-type': 'application/json' } })).status,
    400,
  )
  const page = await ask(`https://127.0.0.1:${api.httpsPort}/%zz`, { caPem: certPem })
  t.match([page.status, page.json()], [400, { code: 'INVALID' }], 'in the one shape of all errors')
  t.strictSame(
    logger.lines.filter(({ level }) => level === 'error'),
    [],
    'a stranger cannot fill the log',
  )
})

t.test('one address gets so many connections and no more, and gets new ones when old ones end', async (t) => {
  const api = await running(t)
  const open: Socket[] = []
  t.teardown(() => open.forEach((socket) => socket.destroy()))
  const connectOne = async (): Promise<Socket> => {
    const socket = connect(api.httpPort, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
  for (let index = 0; index < 64; index++) open.push(await connectOne())
  const tooMany = await connectOne()
  await socketClosed(tooMany)
  open.pop()?.destroy()
  const door = `http://127.0.0.1:${api.httpPort}`
  let status = 0
  while (status === 0)
    status = await ask(`${door}/ca.pem`).then(
      (reply) => reply.status,
      () => 0,
    )
  t.equal(status, 200)
})

t.test('a page that is not built says how to get it', async (t) => {
  const { certPem } = await testCertificate()
  const api = await running(t)
  const page = await ask(`https://127.0.0.1:${api.httpsPort}/`, { caPem: certPem })
  t.match([page.status, page.text], [503, 'npm run build:web'])
})

t.test('a taken port is named, and nothing is left open', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  for (const [listen, setting] of [
    [{ host: '127.0.0.1', httpsPort: port, httpPort: 0 }, 'page.httpsPort'],
    [{ host: '127.0.0.1', httpsPort: 0, httpPort: port }, 'page.httpPort'],
  ] as const) {
    const error = await startApi(await testOptions({ listen })).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.ok(error instanceof ApplianceError)
    t.match(error, { code: 'PORT_IN_USE', details: { port, setting }, message: `Port ${port}` })
  }
})

t.test('the certificate can be replaced while it runs', async (t) => {
  const api = await running(t)
  const subject = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port: api.httpsPort, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      socket.on('error', reject)
    })
  t.equal(await subject(), 'Branchline test')
  api.reloadCertificate(await makeCertificate('Renewed'))
  t.equal(await subject(), 'Renewed')
})

t.test('parts may come and go: the claim code follows the store', async (t) => {
  const api = await running(t)
  const codes: (string | undefined)[] = []
  api.setClaimListener((code) => codes.push(code))
  t.strictSame(codes, [undefined], 'without a store nobody knows')
  const store = openTestStore(t)
  api.attach({ store })
  t.match(codes, [undefined, /^\d{4}-\d{4}$/])
  t.equal(api.claimCode(), codes[1])
  api.attach({ store: undefined })
  t.equal(api.claimCode(), undefined)
  api.attach({ store })
  store.secrets.set('page.adminPasswordHash', 'x')
  api.attach({ store: undefined })
  api.attach({ store })
  t.equal(api.claimCode(), undefined, 'a box with an owner has no code')
})

t.test('events reach an open page and end with its login', async (t) => {
  const { certPem } = await testCertificate()
  const clock = new FakeClock()
  const store = openTestStore(t, { clock })
  const pbx = new FakePbx()
  const signIn = new FakeSignIn()
  let detail = 'fine'
  const api = await running(t, {
    clock,
    parts: { store, pbx, signIn },
    health: () => ({
      state: 'ok',
      version: '1',
      lab: false,
      parts: [{ name: 'sip', state: 'ok', detail, advice: undefined }],
    }),
  })
  const origin = `https://127.0.0.1:${api.httpsPort}`
  const claimed = await ask(`${origin}/api/claim`, {
    body: { code: api.claimCode(), password: testPassword },
    headers: { origin },
    caPem: certPem,
  })
  const cookie = String(claimed.headers['set-cookie']).split(';')[0] ?? ''
  const stream = await openStream(`${origin}/api/events`, { ca: certPem, headers: { cookie } })
  t.equal(stream.status, 200)
  await stream.until('event: hello')

  pbx.emit('bindingChanged', { aor: 'line1', bindings: [] })
  await stream.until('event: bindingChanged\ndata: {"lineId":null,"username":"line1","registered":false}')
  pbx.emit('flowClosed', { aor: 'line2', bindings: [] })
  await stream.until('"username":"line2"')
  signIn.emit('signedOut', { lineId: 'l', userId: 'u' })
  await stream.until('event: signedOut')
  pbx.emit('trunkChanged', { name: 'teams', state: 'down', hosts: [] })
  await stream.until('event: trunkChanged')
  detail = 'something changed'
  clock.advance(2_000)
  await stream.until('something changed')

  const successor = new FakePbx()
  api.attach({ pbx: successor })
  pbx.emit('bindingChanged', { aor: 'old-pbx', bindings: [] })
  successor.emit('bindingChanged', { aor: 'new-pbx', bindings: [] })
  await stream.until('new-pbx')
  t.notMatch(stream.text(), 'old-pbx', 'the listeners moved with the part')

  await ask(`${origin}/api/logout`, { method: 'POST', headers: { origin, cookie }, caPem: certPem })
  await stream.ended
  t.pass('the stream ended with the login')
})

t.test('stop ends open streams and closes both ports', async (t) => {
  const { certPem } = await testCertificate()
  const store = openTestStore(t)
  const api = await startApi(await testOptions({ parts: { store } }))
  const origin = `https://127.0.0.1:${api.httpsPort}`
  const claimed = await ask(`${origin}/api/claim`, {
    body: { code: api.claimCode(), password: testPassword },
    headers: { origin },
    caPem: certPem,
  })
  const cookie = String(claimed.headers['set-cookie']).split(';')[0] ?? ''
  const stream = await openStream(`${origin}/api/events`, { ca: certPem, headers: { cookie } })
  await stream.until('hello')
  await api.stop()
  await stream.ended
  await t.rejects(ask(`${origin}/api/health`, { caPem: certPem }), { code: 'ECONNREFUSED' })
  await t.rejects(ask(`http://127.0.0.1:${api.httpPort}/ca.pem`), { code: 'ECONNREFUSED' })
})

interface Stream {
  status: number
  text(): string
  /** Resolves once `wanted` has arrived. */
  until(wanted: string): Promise<void>
  ended: Promise<void>
}

function openStream(url: string, options: RequestOptions): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, ...options }, (response) => {
      let text = ''
      const waiting = new Set<{ wanted: string; arrived: () => void; lost: (error: Error) => void }>()
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        for (const one of waiting) if (text.includes(one.wanted)) one.arrived()
      })
      response.on('error', () => undefined)
      const ended = new Promise<void>((end) => response.on('close', end))
      void ended.then(() => waiting.forEach(({ wanted, lost }) => lost(new Error(`no ${wanted} in ${text}`))))
      const until = (wanted: string): Promise<void> =>
        text.includes(wanted)
          ? Promise.resolve()
          : new Promise((arrived, lost) => waiting.add({ wanted, arrived, lost }))
      resolve({ status: response.statusCode ?? 0, text: () => text, until, ended })
    })
    asked.on('error', reject)
    asked.end()
  })
}
