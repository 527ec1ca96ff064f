// The engine and the smallest B2BUA and registrar, in one process: node test/soak/engine-process.ts TARGET
import { startEngine } from '#src/engine/engine.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { portOf, testEngineOptions } from '#test/support/start-engine.ts'
import type { FromSoaked, ToSoaked } from './messages.ts'

// As main.ts does: the library reads the environment for every header that it writes.
process.env = { ...process.env }

interface Dialog {
  on(event: 'destroy', listener: () => void): void
  destroy(): Promise<unknown>
}

interface Request {
  body: string
  has(name: string): boolean
  get(name: string): string | undefined
}

interface Reply {
  send(status: number, options?: object): void
}

interface App {
  use(method: string, handler: (request: Request, reply: Reply) => void): void
  createB2BUA(
    request: Request,
    reply: Reply,
    uri: string,
    options: object,
  ): Promise<{ uas: Dialog; uac: Dialog }>
}

const [target = ''] = process.argv.slice(2)
const engine = await startEngine(testEngineOptions())
const app = (await connectEmbedded(engine.openMemoryLink())) as unknown as App

const connect = async (request: Request, reply: Reply): Promise<void> => {
  const { uas, uac } = await app.createB2BUA(request, reply, target, { localSdpB: request.body })
  uas.on('destroy', () => void uac.destroy())
  uac.on('destroy', () => void uas.destroy())
}
app.use('invite', (request, reply) => {
  connect(request, reply).catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
})
app.use('register', (request, reply) => {
  if (request.has('Authorization')) {
    reply.send(200, { headers: { Contact: request.get('Contact') ?? '', Expires: '3600' } })
  } else reply.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="soak", nonce="n", qop="auth"' } })
})

function tell(message: FromSoaked): void {
  process.send?.(message)
}

process.on('message', (message: ToSoaked) => {
  if (message.kind !== 'figures') return
  const counters = engine.counters()
  tell({
    kind: 'figures',
    dialogs: counters['dialogsAlive'] ?? 0,
    transactions: (counters['serverTransactionsAlive'] ?? 0) + (counters['clientTransactionsAlive'] ?? 0),
  })
})
process.on('disconnect', () => process.exit(0))
tell({ kind: 'ready', udp: portOf(engine, 'udp') })
