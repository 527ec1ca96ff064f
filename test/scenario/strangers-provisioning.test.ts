import { randomBytes } from 'node:crypto'
import { statSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { openStore } from '#src/store/open-store.ts'
import { loadSealKey } from '#src/store/seal-key.ts'
import { heardTone } from '#test/peers/audio.ts'
import { Baresip } from '#test/peers/baresip.ts'
import { YealinkPhone } from '#test/provisioning/yealink-phone.ts'
import { Box } from '#test/support/box.ts'
import { Lab, labNumbers } from '#test/support/lab.ts'
import { addPhone, allowSipDevices, plugIn, signIn } from './office.ts'

// What somebody on the network without any right tries against provisioning: guessing, climbing, flooding, stalling.

const stranger = '127.0.0.66'
const victimMac = '805ec0a1b2c3'
const listedMac = '805ec0a1b2c4'
const handMadeMac = '805ec0a1b2c5'
const tones = [440, 620]

const box = await Box.prepare({ lab: true })
t.teardown(async () => {
  await box.stop()
  box.remove()
})
await box.start()
await box.logIn()
await allowSipDevices(box)
const lab = await Lab.of(box)
const http = `http://127.0.0.1:${box.ports.http}`
const databaseFile = join(box.dataDir, 'branchline.db')

/** Everything that the box ever said to a stranger, as text. */
const answers: string[] = []
const sourceAgents = new Map<string, { plain: Agent; tls: TlsAgent }>()
t.teardown(() => {
  for (const { plain, tls } of sourceAgents.values()) {
    plain.destroy()
    tls.destroy()
  }
})

interface Answer {
  status: number
  text: string
}

/** A request from an address of the strangers'; the path goes out as it is. Resolves with status 0 when cut off. */
function strange(
  path: string,
  options: { from?: string; secure?: boolean; method?: string; userAgent?: string; body?: Buffer } = {},
): Promise<Answer> {
  const { from = stranger, secure = false, method = 'GET', body } = options
  let agents = sourceAgents.get(from)
  if (!agents) {
    const settings = { keepAlive: true, maxSockets: 16 }
    agents = { plain: new Agent(settings), tls: new TlsAgent(settings) }
    sourceAgents.set(from, agents)
  }
  const common = {
    host: '127.0.0.1',
    path,
    method,
    localAddress: from,
    headers: {
      'user-agent': options.userAgent ?? 'Yealink SIP-T46S 66.86.0.15',
      ...(body ? { 'content-length': body.length } : {}),
    },
  }
  return new Promise((resolve) => {
    const request = secure
      ? httpsRequest({ ...common, port: box.ports.https, agent: agents.tls, rejectUnauthorized: false })
      : httpRequest({ ...common, port: box.ports.http, agent: agents.plain })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => resolve({ status: 0, text: '' }))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('latin1')
        answers.push(JSON.stringify(response.headers) + text)
        resolve({ status: response.statusCode ?? 0, text })
      })
    })
    request.on('error', () => resolve({ status: 0, text: '' }))
    request.end(body)
  })
}

/** Runs the tasks with so many at once. */
async function atOnce<T>(count: number, tasks: (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < tasks.length) {
      const index = next++
      results[index] = await (tasks[index] as () => Promise<T>)()
    }
  }
  await Promise.all(Array.from({ length: count }, worker))
  return results
}

const phone = new YealinkPhone({
  mac: victimMac,
  model: 'T46S',
  commonFile: 'y000000000066.cfg',
  firmware: '66.86.0.15',
  url: `${http}/phones/`,
})
await phone.provision()
const caFile = join(box.folder, 'ca.pem')
writeFileSync(caFile, phone.trusted.join('\n'))
const anna = new Baresip({
  username: phone.setting('account.1.user_name'),
  password: phone.setting('account.1.password'),
  server: `127.0.0.1:${phone.setting('account.1.sip_server.1.port')}`,
  transport: 'tls',
  mediaEncryption: 'srtp-mand',
  toneHz: 440,
  caFile,
})
await anna.start()
await anna.waitForRegistration()
const { devices } = await box.json<{ devices: { id: string; mac: string; lines: { id: string }[] }[] }>(
  '/api/devices',
)
const victim = devices.find(({ mac }) => mac === victimMac)
const victimId = victim?.id ?? ''
const annaLine = { deviceId: victimId, lineId: victim?.lines[0]?.id ?? '', username: '', password: '' }
const benLine = await addPhone(box, 'Ben by hand')
const ben = await plugIn(box, benLine, { toneHz: 620, answer: 'auto' })
await box.json('/api/devices', { body: { label: 'To be plugged in', mac: listedMac } })
const handMade = await box.json<{ credentials: { lineId: string } }>('/api/devices', {
  body: { label: 'Set up by hand', mac: handMadeMac },
})
const carlaLine = { ...annaLine, lineId: handMade.credentials.lineId }
await Promise.all([
  signIn(box, lab, annaLine, 'anna'),
  signIn(box, lab, benLine, 'ben'),
  signIn(box, lab, carlaLine, 'carla'),
])
const outputBefore = box.output.length
const sizeBefore = statSync(databaseFile).size
const stalled: Socket[] = []
t.teardown(async () => {
  for (const socket of stalled) socket.destroy()
  await Promise.all([anna.stop(), ben.stop()])
})

t.test('MACs of the box give nothing away, in any spelling, at any path, through either door', async (t) => {
  let asked = 0
  for (const mac of [victimMac, victimMac.toUpperCase(), handMadeMac]) {
    for (const name of [`${mac}.boot`, `${mac}.cfg`, `${mac}-config.xml`, `${mac}-local.cfg`]) {
      for (const prefix of ['/', '/phones/', '/p/', '/a/b/c/', `/device/${victimId}/`]) {
        for (const secure of [false, true]) {
          const colons = mac.match(/../g)?.join(':') ?? ''
          const userAgent = `Yealink SIP-T46S 66.86.0.15 ${colons}`
          const { status, text } = await strange(prefix + name, { secure, userAgent })
          if (status !== 404) t.fail(`${prefix}${name}: ${status} ${text}`)
          asked++
        }
      }
    }
  }
  t.equal(asked, 120)
  const { refused } = await box.json<{ refused: { mac: string; from: string; why: string }[] }>(
    '/api/found-devices',
  )
  t.strictSame(refused.map(({ mac, from, why }) => `${mac} ${from} ${why}`).sort(), [
    `${victimMac} ${stranger} in-use`,
    `${handMadeMac} ${stranger} in-use`,
  ])
})

t.test('a right token opens its own folder and nothing beside it', async (t) => {
  const own = '805ec0000001'
  const { text } = await strange(`/${own}.cfg`)
  const url = new URL(/server\.url = (\S+)/.exec(text)?.[1] ?? 'http://none')
  const [, , ownId, token] = url.pathname.split('/')
  const get = (path: string, from = stranger, userAgent?: string): Promise<Answer> =>
    strange(path, { secure: true, from, ...(userAgent === undefined ? {} : { userAgent }) })
  t.equal(
    (await get(`${url.pathname}${own}.boot`)).status,
    200,
    'its own file, from the address it was given to',
  )
  const closed: [string, string, string?][] = [
    [`${url.pathname}${victimMac}.cfg`, stranger],
    [`/device/${victimId}/${token}/${victimMac}.cfg`, stranger],
    [`/device/${victimId}/${token}/sign-out.xml?step=yes`, stranger],
    [`/device/${ownId}/${token}/${own}.cfg`, stranger, 'Yealink SIP-T46S 66.86.0.15 80:5e:c0:a1:b2:c3'],
    [`/device/${ownId}/${token}/x/../${own}.cfg`, stranger],
    [`${url.pathname}${own}.cfg`, '127.0.0.67'],
    [`${url.pathname}${own}.cfg?mac=${victimMac}`, stranger],
  ]
  for (const [path, from, userAgent] of closed) t.equal((await get(path, from, userAgent)).status, 404, path)
  t.equal(
    (await strange(`${url.pathname}${own}.cfg`)).status,
    404,
    'nor does it open anything over plain HTTP',
  )

  // What a listener on the wire heard of a phone that was just plugged in.
  const listed = new YealinkPhone({
    mac: listedMac,
    model: 'T46S',
    commonFile: 'y000000000066.cfg',
    firmware: '66.86.0.15',
    url: `${http}/phones/`,
  })
  const heard = /server\.url = (\S+)/.exec((await listed.page(`${http}/${listedMac}.cfg`)).text)?.[1] ?? ''
  const overheard = new URL(heard).pathname
  t.equal((await get(`${overheard}${listedMac}.cfg`)).status, 404, 'the token is bound to its address')
  await listed.provision()
  t.match(listed.url, /^https:/, 'and the phone itself goes on')
  t.equal((await listed.page(`${heard}${listedMac}.cfg`)).status, 404, 'after which the token is dead')
})

t.test('there is nothing to climb to', async (t) => {
  const climbs = [
    '/../../../../etc/passwd',
    '/phones/../../../../etc/passwd',
    '/phones/..%2f..%2f..%2fetc%2fpasswd',
    '/phones/%2e%2e/%2e%2e/etc/passwd',
    '/phones/..%252f..%252fetc/passwd',
    '/phones/..\\..\\etc\\passwd',
    '/phones/....//....//seal.key',
    '//etc/passwd',
    '/phones/%00.cfg',
    `/phones/${victimMac}.cfg%00.txt`,
    `/phones/${victimMac}.cfg/../../seal.key`,
    `/device/${victimId}/../../../data/branchline.db`,
    '/device/./././branchline.db',
    '/seal.key',
    '/branchline.db',
    `http://127.0.0.1/${victimMac}.cfg`,
    `/${'a/'.repeat(400)}${victimMac}.cfg`,
    `/${'x'.repeat(6000)}`,
  ]
  for (const path of climbs) {
    for (const secure of [false, true]) {
      const { status, text } = await strange(path, { secure })
      if (![0, 308, 400, 404, 414, 431].includes(status)) t.fail(`${path}: ${status}`)
      t.notMatch(text, /root:|SQLite format/, path.slice(0, 60))
    }
  }
})

t.test('uploads are thrown away, and cut off when they are too large', async (t) => {
  const small = Buffer.alloc(20_000, 'log line\n')
  const large = Buffer.alloc(3 * 1024 * 1024, 7)
  for (const secure of [false, true]) {
    for (const method of ['PUT', 'POST']) {
      const path = `/phones/${victimMac}-app.log`
      const userAgent = 'PolyEdge-Edge_E350-UA/8.3.1.0000'
      t.equal((await strange(path, { method, secure, body: small })).status, 204)
      t.ok(
        [0, 413].includes((await strange(path, { method, secure, body: large })).status),
        `${method} 3 MiB`,
      )
      t.ok((await strange('/x', { method, secure, body: large, userAgent })).status !== 200)
    }
    t.equal((await strange(`/${victimMac}.cfg`, { method: 'DELETE', secure })).status, 405)
  }
})

t.test('senders that never finish do not keep others waiting', async (t) => {
  for (let index = 0; index < 50; index++) {
    const socket = connect({ host: '127.0.0.1', port: box.ports.http, localAddress: '127.0.0.68' })
    socket.on('error', () => undefined)
    socket.write(
      `PUT /${victimMac}-app.log HTTP/1.1\r\nHost: x\r\nUser-Agent: Yealink SIP-T46S 66.86.0.15\r\n`,
    )
    socket.write('Content-Length: 100000\r\n\r\nx')
    stalled.push(socket)
  }
  await phone.provision()
  t.equal(phone.fetches.at(-1)?.status, 200, 'a phone gets its files meanwhile')
})

t.test('10,000 guesses, while two phones talk', async (t) => {
  const mark = anna.events.length
  await anna.dial(labNumbers.ben)
  await anna.waitFor('CALL_ESTABLISHED', 30_000, mark)
  const startedAtMs = performance.now()
  const guesses: (() => Promise<Answer>)[] = []
  for (let index = 0; index < 5000; index++) {
    const mac = `805ec1${index.toString(16).padStart(6, '0')}`
    const from = `127.0.1.${1 + (index % 5)}`
    guesses.push(() => strange(`/phones/${mac}.cfg`, { from }))
    const token = `${index % 2 ? 'p' : 'b'}${randomBytes(24).toString('base64url')}`
    guesses.push(() => strange(`/device/${victimId}/${token}/${victimMac}.cfg`, { from, secure: true }))
  }
  const got = await atOnce(48, guesses)
  const statuses = Map.groupBy(got, ({ status }) => status)
  t.equal(got.length, 10_000)
  t.strictSame([...statuses.keys()].sort(), [200, 404])
  t.equal(statuses.get(200)?.length, 250, 'five addresses bring fifty new devices each')
  t.comment(`${Math.round(performance.now() - startedAtMs)} ms`)

  await anna.command('hangup')
  await anna.waitFor('CALL_CLOSED', 30_000, mark)
  for (const [talker, hz] of [
    [anna, 620],
    [ben, 440],
  ] as const) {
    const heard = heardTone(talker.heard(), tones)
    t.match(heard, { hz }, `${talker === anna ? 'Anna' : 'Ben'} hears ${hz} Hz`)
  }
})

t.test('the phones of the box go on as before', async (t) => {
  phone.fetches.length = 0
  await phone.provision()
  t.ok(
    phone.fetches.every(({ status }) => status === 304),
    'the files are what they were',
  )
  const mark = anna.events.length
  await anna.dial(labNumbers.echo)
  await anna.waitFor('CALL_ESTABLISHED', 30_000, mark)
  await anna.command('hangup')
  const { found } = await box.json<{ found: unknown[] }>('/api/found-devices')
  t.equal(found.length, 200, 'no more is kept')
})

t.test('the log has a line here and there, and no secret', async (t) => {
  const added = box.output.slice(outputBefore)
  const lines = added.split('\n').length
  t.ok(lines < 1_000, `${lines} lines`)
  t.notMatch(added, phone.setting('account.1.password'))
  t.notMatch(added, phone.url)
})

t.test('nothing of what the store keeps secret was ever said', async (t) => {
  await anna.stop()
  await ben.stop()
  await box.stop()
  const sealKey = loadSealKey({ keyFile: join(box.dataDir, 'seal.key') })
  const store = openStore({
    dataDir: box.dataDir,
    sealKey,
    realm: 'branchline',
    clock: systemClock,
    logger: silentLogger,
  })
  t.teardown(() => store.close())
  const secrets: string[] = []
  const given = new Set<string>()
  for (const { id } of store.devices.list()) {
    const access = store.deviceAccess.find(id)
    if (access) secrets.push(access.adminPassword)
    // A found device's first token belongs to whoever asked first.
    if (access?.token.startsWith('b')) given.add(access.token)
    else if (access) secrets.push(access.token)
    for (const line of store.lines.listByDevice(id)) {
      secrets.push(store.lines.password(line.id) ?? '', store.signIns.tokenCache(line.id) ?? '')
    }
  }
  for (const name of ['provisioning.tokens', 'admin', 'sip.door']) secrets.push(store.secrets.get(name) ?? '')
  secrets.push(sealKey.toString('base64'), sealKey.toString('hex'))
  const all = answers.join('\n')
  const real = secrets.filter((secret) => secret.length >= 8)
  t.ok(real.length > 400, `${real.length} secrets`)
  t.ok(answers.length > 10_000, `${answers.length} answers`)
  t.strictSame(
    real.filter((secret) => all.includes(secret)),
    [],
  )
  t.ok(
    [...given].some((token) => all.includes(token)),
    'the search finds what is there',
  )
  t.ok(store.devices.list().length < 210, 'the store holds the found, and the phones of the box')
  const grown = statSync(databaseFile).size - sizeBefore
  t.ok(grown < 2 * 1024 * 1024, `the database grew by ${grown} bytes`)
})
