import { createHash } from 'node:crypto'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { CredentialsView } from '#src/api/schema/devices.ts'
import { startApi } from '#src/api/start-api.ts'
import { openTestStore, temporaryDirectory } from '#test/store/store-fixture.ts'
import { ask } from '#test/support/https.ts'
import { testCertificate, testOptions, testPassword } from './api-fixture.ts'

const linphone = '/usr/bin/linphonec'

interface Teardown {
  teardown(release: () => Promise<void> | void): void
}

/** A registrar that challenges once and hands over the answer's Authorization header. */
async function challengeOnce(t: Teardown): Promise<{ port: number; answer: Promise<string> }> {
  const { promise: answer, resolve } = Promise.withResolvers<string>()
  const server = createServer((socket) => {
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (!text.includes('\r\n\r\n')) return
      const authorization = /^Authorization:\s*(.*)\r$/m.exec(text)?.[1]
      if (authorization) resolve(authorization)
      const kept = text.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line))
      const challenge = 'WWW-Authenticate: Digest realm="branchline", nonce="n1", algorithm=MD5, qop="auth"'
      socket.write(['SIP/2.0 401 Unauthorized', ...kept, challenge, 'Content-Length: 0', '', ''].join('\r\n'))
      text = ''
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => void server.close())
  return { port: (server.address() as AddressInfo).port, answer }
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

t.test(
  'Linphone sets itself up from the link and registers with the password',
  { skip: existsSync(linphone) ? false : 'linphonec (Debian linphone-cli) is not installed' },
  async (t) => {
    const registrar = await challengeOnce(t)
    const { certPem: caPem } = await testCertificate()
    const api = await startApi(
      await testOptions({
        parts: { store: openTestStore(t) },
        box: () => ({
          address: '127.0.0.1',
          udpPort: undefined,
          tcpPort: registrar.port,
          tlsPort: undefined,
          realm: 'branchline',
          caPem,
        }),
      }),
    )
    t.teardown(() => api.stop())
    const origin = `https://127.0.0.1:${api.httpsPort}`
    const claim = { code: api.claimCode(), password: testPassword }
    const claimed = await ask(`${origin}/api/claim`, { body: claim, headers: { origin }, caPem })
    const cookie = String(claimed.headers['set-cookie']).split(';')[0] ?? ''
    const added = await ask(`${origin}/api/devices`, {
      body: { label: 'Café & Bar' },
      headers: { origin, cookie },
      caPem,
    })
    const { credentials } = added.json<{ credentials: CredentialsView }>()

    const home = temporaryDirectory(t)
    mkdirSync(join(home, '.local/share/linphone'), { recursive: true })
    const rc = join(home, 'rc')
    const link = `[misc]\nconfig-uri=${credentials.provisioning.url}\n`
    writeFileSync(rc, `${link}[sip]\nsip_port=-1\nsip_tcp_port=-1\n`)
    const child = spawn(linphone, ['-c', rc, '-l', join(home, 'log'), '-d', '6'], {
      env: { HOME: home, PATH: '/usr/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const gone = new Promise((resolve) => child.once('close', resolve))
    t.teardown(async () => {
      child.kill('SIGKILL')
      await gone
    })

    const authorization = await registrar.answer
    const part = (name: string): string => new RegExp(`\\b${name}="?([^",]+)`).exec(authorization)?.[1] ?? ''
    const ha1 = md5(`${credentials.username}:branchline:${credentials.password}`)
    const ha2 = md5(`REGISTER:${part('uri')}`)
    const right = md5([ha1, 'n1', part('nc'), part('cnonce'), 'auth', ha2].join(':'))
    t.equal(part('username'), credentials.username)
    t.equal(part('response'), right, 'the digest is that of the password')
    t.notMatch(readFileSync(rc, 'utf8'), 'config-uri=http', 'the link, which works once, is forgotten')
  },
)
