import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import type { InjectOptions, Response } from 'light-my-request'
import { buildApp } from '#src/api/build-app.ts'
import type { ApiContext } from '#src/api/context.ts'
import type { Api } from '#src/api/fastify-types.ts'
import type { ApiOptions, ApiParts, BoxHealth, PageCertificate } from '#src/api/ports.ts'
import { createAttach, createContext } from '#src/api/start-api.ts'
import { systemRandom } from '#src/base/random.ts'
import type { Store } from '#src/store/store.ts'
import { openTestStore } from '#test/store/store-fixture.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { FakePbx, FakeSettings, FakeSignIn } from './fakes.ts'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

/** The password that tests claim boxes with. */
export const testPassword = 'correct horse battery'

let made: Promise<PageCertificate> | undefined

/** A self-signed certificate for 127.0.0.1, made once per process. */
export function testCertificate(): Promise<PageCertificate> {
  made ??= makeCertificate('Branchline test')
  return made
}

export async function makeCertificate(commonName: string): Promise<PageCertificate> {
  x509.cryptoProvider.set(webcrypto)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${commonName}`,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END PRIVATE KEY-----\n`
  return { certPem: certificate.toString('pem'), keyPem }
}

/** Options of an API on a throw-away box; `change` says what is different. */
export async function testOptions(change: Partial<ApiOptions> = {}): Promise<ApiOptions> {
  const health: BoxHealth = {
    state: 'ok',
    version: '0.1.0',
    lab: true,
    parts: [{ name: 'store', state: 'ok', detail: 'The database is open.', advice: undefined }],
  }
  const certificate = await testCertificate()
  return {
    listen: { host: '127.0.0.1', httpsPort: 0, httpPort: 0 },
    certificate,
    webRoot: '/nonexistent',
    health: () => health,
    box: () => ({
      address: undefined,
      udpPort: 5060,
      tcpPort: 5060,
      tlsPort: 5061,
      realm: 'branchline',
      caPem: certificate.certPem,
    }),
    restart: () => undefined,
    clock: new FakeClock(),
    random: systemRandom,
    logger: new MemoryLogger(),
    passwordCost: { memoryKiB: 64, iterations: 1 },
    ...change,
  }
}

/** One browser's view of the API without sockets: keeps the cookie, sends Origin. */
export class TestApi {
  readonly app: Api
  readonly context: ApiContext
  readonly store: Store
  readonly clock: FakeClock
  readonly logger: MemoryLogger
  readonly pbx = new FakePbx()
  readonly signIn = new FakeSignIn()
  readonly settings = new FakeSettings()
  cookie: string | undefined

  constructor(parts: {
    app: Api
    context: ApiContext
    store: Store
    clock: FakeClock
    logger: MemoryLogger
  }) {
    this.app = parts.app
    this.context = parts.context
    this.store = parts.store
    this.clock = parts.clock
    this.logger = parts.logger
  }

  async ask(
    method: string,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const options: InjectOptions = {
      method: method,
      url,
      headers: {
        host: 'box.example:8443',
        origin: 'https://box.example:8443',
        ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: body as object }),
    }
    const reply = await this.app.inject(options)
    const set = reply.cookies.find((cookie) => cookie.name === '__Host-branchline')
    if (set) this.cookie = set.value === '' ? undefined : `${set.name}=${set.value}`
    return reply
  }

  /** Claims the box as its first admin does. */
  async claim(): Promise<void> {
    const code = this.context.owner.code
    const reply = await this.ask('POST', '/api/claim', { code, password: testPassword })
    if (reply.statusCode !== 200) throw new Error(`claim: ${reply.statusCode} ${reply.body}`)
  }

  /** Adds a phone and returns its ids and credentials. */
  async addPhone(label = 'Reception'): Promise<{ deviceId: string; lineId: string; username: string }> {
    const reply = await this.ask('POST', '/api/devices', { label })
    const { device, credentials } = reply.json<{
      device: { id: string }
      credentials: { lineId: string; username: string }
    }>()
    return { deviceId: device.id, lineId: credentials.lineId, username: credentials.username }
  }
}

/** An API with the real store and fakes of the call and sign-in sides; `without` leaves parts away. */
export async function startTestApi(
  t: Teardown,
  options: { without?: (keyof ApiParts)[]; parts?: Partial<ApiParts>; change?: Partial<ApiOptions> } = {},
): Promise<TestApi> {
  const clock = new FakeClock()
  const logger = new MemoryLogger()
  const store = openTestStore(t, { clock })
  const context = createContext(await testOptions({ clock, logger, ...options.change }))
  const app = await buildApp(context)
  const api = new TestApi({ app, context, store, clock, logger })
  const parts: Partial<ApiParts> = {
    store,
    settings: api.settings,
    pbx: api.pbx,
    signIn: api.signIn,
    lab: undefined,
    provisioning: undefined,
    counters: { read: async () => ({ 'calls.live': 0 }) },
    ...options.parts,
  }
  for (const name of options.without ?? []) parts[name] = undefined
  createAttach(context)(parts)
  await app.ready()
  t.teardown(() => {
    context.events.close()
    return app.close()
  })
  return api
}
