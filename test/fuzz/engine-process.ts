// The engine under fuzz with a drachtio-srf application behind it: B2BUA, registrar and a bit of everything.
// Started by sip.ts with an IPC channel: node --expose-gc test/fuzz/engine-process.ts
import type Srf from 'drachtio-srf'
import { startEngine } from '#src/engine/engine.ts'
import { silentLogger } from '#src/base/logger.ts'
import { connectEmbedded } from '#src/pbx/connect-srf.ts'
import { makeCa } from '#test/support/certificates.ts'
import { testEngineOptions } from '#test/support/start-engine.ts'
import { LoopWatch } from './loop-watch.ts'
import type { FromChild, Sample, ToChild } from './messages.ts'

/** Calls end after this, whoever forgot them. */
const longestCallMs = 3000
const maxBindings = 1000

interface Dialog {
  on(event: string, listener: (...values: never[]) => void): void
  destroy(): Promise<unknown>
}

interface Request {
  method: string
  uri: string
  body: string
  get(name: string): string | undefined
  has(name: string): boolean
  getParsedHeader(name: string): unknown
}

interface Reply {
  send(status: number, options?: object): void
}

interface Outgoing {
  cancel(): void
}

interface App {
  use(method: string, handler: (request: Request, reply: Reply) => void): void
  createB2BUA(
    request: Request,
    reply: Reply,
    uri: string,
    options: object,
    callbacks: object,
  ): Promise<{ uas: Dialog; uac: Dialog }>
  createUAS(request: Request, reply: Reply, options: object): Promise<Dialog>
}

// As main.ts does: the library reads the environment for every header that it writes.
process.env = { ...process.env }

const errors: string[] = []
let refusals = 0

process.on('uncaughtException', (error) => errors.push(`uncaught: ${error.stack ?? String(error)}`))
process.on('unhandledRejection', (reason) =>
  errors.push(`rejected: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`),
)

function tell(message: FromChild): void {
  process.send?.(message)
}

/** What an application answers with when a request is more than it can read; the engine has to live with either. */
function guarded(work: (request: Request, reply: Reply) => Promise<void> | void) {
  return (request: Request, reply: Reply): void => {
    const failed = (): void => {
      refusals++
      try {
        reply.send(500)
      } catch {
        refusals++
      }
    }
    try {
      void Promise.resolve(work(request, reply)).catch(failed)
    } catch {
      failed()
    }
  }
}

function hangUp(dialog: Dialog): void {
  void dialog.destroy().catch(() => refusals++)
}

function serve(app: App, ports: { probe: number; live: number }): void {
  const bindings = new Map<string, string>()
  const invite = async (request: Request, reply: Reply): Promise<void> => {
    const port = request.uri.includes('probe@') ? ports.probe : ports.live
    // The library hands a call over when it is acknowledged; a leg that never comes so far is ended all the same.
    let asked: Outgoing | undefined
    let finished = false
    const givesUp = setTimeout(() => {
      if (!finished) asked?.cancel()
    }, longestCallMs)
    const { uas, uac } = await app
      .createB2BUA(
        request,
        reply,
        `sip:leg@127.0.0.1:${port}`,
        { localSdpB: request.body, passFailure: false },
        {
          cbRequest: (_error: unknown, sent: Outgoing | undefined) => (asked = sent),
          cbFinalizedUac: (leg: Dialog) => {
            finished = true
            setTimeout(() => hangUp(leg), longestCallMs)
          },
        },
      )
      .finally(() => {
        finished = true
        clearTimeout(givesUp)
      })
    const limit = setTimeout(() => {
      hangUp(uas)
      hangUp(uac)
    }, longestCallMs)
    for (const [dialog, other] of [
      [uas, uac],
      [uac, uas],
    ] as const) {
      dialog.on('destroy', () => {
        clearTimeout(limit)
        hangUp(other)
      })
      dialog.on('modify', (_request: Request, answer: Reply) => answer.send(200, { body: request.body }))
      for (const event of ['info', 'update', 'message', 'options', 'notify'])
        dialog.on(event, (_request: Request, answer: Reply) => answer.send(200))
      // Taken, their subscriptions would live for minutes, and the run waits for everything to end.
      dialog.on('refer', (_request: Request, answer: Reply) => answer.send(603))
      dialog.on('subscribe', (_request: Request, answer: Reply) => answer.send(489))
    }
  }
  app.use('invite', guarded(invite))
  app.use(
    'register',
    guarded((request, reply) => {
      if (!request.has('Authorization')) {
        reply.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="fuzz", nonce="n", qop="auth"' } })
        return
      }
      const contact = JSON.stringify(request.getParsedHeader('contact') ?? '')
      if (bindings.size >= maxBindings) bindings.clear()
      bindings.set(request.get('To') ?? '', contact.slice(0, 200))
      reply.send(200, { headers: { Contact: request.get('Contact') ?? '', Expires: '60' } })
    }),
  )
  app.use(
    'subscribe',
    guarded(async (request, reply) => {
      const dialog = await app.createUAS(request, reply, { headers: { Expires: '2' } })
      setTimeout(() => hangUp(dialog), 1500)
    }),
  )
  for (const method of ['options', 'message', 'info', 'notify', 'publish'])
    app.use(
      method,
      guarded((request, reply) =>
        reply.send(200, { headers: { 'X-Echo': request.get('Subject') ?? 'none' } }),
      ),
    )
  app.use(
    'refer',
    guarded((_request, reply) => reply.send(603)),
  )
}

const [probePort = '0', livePort = '0'] = process.argv.slice(2)
const ca = await makeCa('fuzz')
const certificate = await ca.issue({ names: ['localhost'], ips: ['127.0.0.1'] })
const tls = { fallback: certificate, byName: [], trust: [] }
const host = '127.0.0.1'
const engine = await startEngine({
  ...testEngineOptions({ logger: silentLogger }),
  listen: [
    { protocol: 'udp', host, port: 0 },
    { protocol: 'tcp', host, port: 0 },
    { protocol: 'tls', host, port: 0, tls },
    { protocol: 'ws', host, port: 0 },
    { protocol: 'wss', host, port: 0, tls },
  ],
  door: { host, port: 0, secret: 'fuzz' },
  // A tenth of the standard: what is left over must be gone within the run.
  timers: { t1Ms: 50, t2Ms: 400, t4Ms: 500 },
  limits: { ...testEngineOptions().limits, halfMessageTimeoutMs: 2000, idleTimeoutMs: 20_000 },
  dnsServers: ['127.0.0.1:9'],
})
const srf = await connectEmbedded(engine.openMemoryLink())
serve(srf as Srf & App, { probe: Number(probePort), live: Number(livePort) })

const watch = new LoopWatch()
watch.start()

async function sample(): Promise<Sample> {
  const loop = watch.look()
  // Twice, a turn apart: the first lets finalisers run whose work the second collects.
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
  globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  await new Promise((resolve) => setImmediate(resolve))
  // The collections above are ours and not the engine's.
  watch.reset()
  return { loop, rss, heapUsed, external, refusals, errors: errors.splice(0), counters: engine.counters() }
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'sample') void sample().then((taken) => tell({ kind: 'sample', sample: taken }))
  else {
    srf.disconnect()
    void engine.stop().then(() => process.exit(0))
  }
})
process.on('disconnect', () => process.exit(0))

tell({
  kind: 'ready',
  ports: Object.fromEntries(engine.listeners.map((listener) => [listener.protocol, listener.port])),
  door: engine.door?.port ?? 0,
})
