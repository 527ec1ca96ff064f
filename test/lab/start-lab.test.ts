import { createServer } from 'node:net'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { parseLabArguments } from '#src/lab/lab-options.ts'
import { startLab, type RunningLab, type StartLabOptions } from '#src/lab/start-lab.ts'
import { createHttpClient } from '#src/microsoft/network-client.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { until } from '#test/support/until.ts'

const entry = new URL('./lab-process-fixture.ts', import.meta.url)
const never = new AbortController().signal

interface Testing {
  testdir(): string
  teardown(work: () => Promise<void>): void
}

async function start(t: Testing, more: Partial<StartLabOptions> = {}) {
  const logger = new MemoryLogger()
  const dataDir = more.dataDir ?? t.testdir()
  const lab = await startLab({ listen: '127.0.0.1', port: 0, entry, logger, ...more, dataDir })
  t.teardown(() => lab.stop())
  return { lab, logger }
}

function get(lab: RunningLab, path: string) {
  const http = createHttpClient({ caPem: lab.endpoints.caPem, clock: systemClock })
  return http({ method: 'GET', url: lab.endpoints.authorityHost + path, headers: {} }, never)
}

function placeCall(lab: RunningLab) {
  const http = createHttpClient({ caPem: lab.endpoints.caPem, clock: systemClock })
  const body = JSON.stringify({ from: '+493055502001', to: '+493055501001' })
  const headers = { 'content-type': 'application/json' }
  return http({ method: 'POST', url: `${lab.endpoints.authorityHost}/lab/calls`, headers, body }, never)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // Ended, and not yet collected by an init that takes its time (or by none, in a container).
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

void t.test('the lab runs in a process of its own and every line of it says lab', async (t) => {
  const { lab, logger } = await start(t)
  t.not(lab.pid, process.pid)
  t.equal(lab.endpoints.lab, true)
  t.equal(lab.endpoints.trunk.hosts.length, 3)
  t.match(lab.health(), { name: 'lab', state: 'ok', detail: lab.pageUrl })
  t.equal((await get(lab, '/devicelogin')).status, 200)
  t.equal((await lab.people()).length, 11)
  t.equal(logger.lines.length > 3, true)
  for (const line of logger.lines) t.match(line, { text: /^lab: /, fields: { lab: true } })
  const pid = lab.pid ?? 0
  await lab.stop()
  t.equal(isAlive(pid), false)
  t.equal(lab.health().state, 'off')
})

void t.test('a killed lab comes back with the same ports and keys, and knows the box again', async (t) => {
  const { lab } = await start(t)
  const { endpoints, pageUrl, pid = 0 } = lab
  const keys = (await get(lab, `/${endpoints.tenantId}/discovery/v2.0/keys`)).text
  lab.tellBox({ host: '127.0.0.1', tlsPort: 5061 })
  const ends: unknown[] = []
  lab.onExit((end) => ends.push(end))
  const back = new Promise<void>((resolve) => lab.onRestart(resolve))
  process.kill(pid, 'SIGKILL')
  await back
  t.match(ends, [{ reason: /SIGKILL/, restarting: true }])
  t.not(lab.pid, pid)
  t.same(lab.endpoints, endpoints)
  t.equal(lab.pageUrl, pageUrl)
  t.equal((await get(lab, `/${endpoints.tenantId}/discovery/v2.0/keys`)).text, keys)
  t.match((await placeCall(lab)).text, /127\.0\.0\.1:5061/, 'it was told the box again')
})

void t.test('a taken port is not fatal: another one is used, and a line says so', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => void other.close())
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const { lab, logger } = await start(t, { port })
  t.notMatch(lab.pageUrl, `:${port}/`)
  t.match(
    logger.lines.find((line) => line.level === 'warn'),
    { fields: { wantedPort: port } },
  )
})

void t.test('a lab that cannot start is LAB_FAILED with the reason', async (t) => {
  const dir = t.testdir({
    taken: { lab: 'a file where the folder should be' },
    'broken.ts': 'process.exit(3)',
    'mute.ts': 'process.on("message", () => undefined)',
  })
  const from = (file: string): URL => new URL(`file://${join(dir, file)}`)
  await t.rejects(start(t, { dataDir: join(dir, 'taken') }), {
    code: 'LAB_FAILED',
    details: { reason: /lab tenant/ },
  })
  await t.rejects(start(t, { dataDir: dir, entry: from('broken.ts') }), {
    code: 'LAB_FAILED',
    details: { reason: /exit code 3/ },
  })
  await t.rejects(start(t, { dataDir: dir, entry: from('mute.ts'), readyTimeoutMs: 300 }), {
    code: 'LAB_FAILED',
    details: { reason: /not ready/ },
  })
  const abort = new AbortController()
  const given = start(t, { dataDir: dir, signal: abort.signal })
  abort.abort(new Error('the box stops'))
  await t.rejects(given, { message: 'the box stops' })
})

void t.test('a lab that dies again and again stays down', async (t) => {
  const dir = t.testdir()
  const dying = join(dir, 'dying.ts')
  const from = new URL('../../src/lab/lab-process.ts', import.meta.url).href
  const edge = new URL('./fake-teams-edge.ts', import.meta.url).href
  await writeFile(
    dying,
    `import { runLabProcess } from '${from}'
import { startFakeTeamsEdge } from '${edge}'
if (process.argv.includes('--exact-port')) process.exit(9)
await runLabProcess(process, startFakeTeamsEdge)
`,
  )
  const ends: { reason: string; restarting: boolean }[] = []
  // Delays between restarts pass at once; everything else takes its real time.
  const clock = { ...systemClock, sleep: async () => undefined }
  const { lab, logger } = await start(t, { dataDir: dir, entry: new URL(`file://${dying}`), clock })
  lab.onExit((end) => ends.push(end))
  process.kill(lab.pid ?? 0, 'SIGKILL')
  await until(() => ends.some((end) => !end.restarting))
  t.equal(ends.length, 6, 'five successors')
  t.match(lab.health(), { state: 'failed', advice: /Restart/ })
  t.match(logger.lines.at(-1), { level: 'error', fields: { code: 'LAB_FAILED' } })
})

void t.test('the lab ends when its box is gone', async (t) => {
  const dir = t.testdir()
  const box = join(dir, 'box.ts')
  const from = new URL('../../src/lab/start-lab.ts', import.meta.url).href
  await writeFile(
    box,
    `import { startLab } from '${from}'
const { silentLogger } = await import('${new URL('../../src/base/logger.ts', import.meta.url).href}')
const lab = await startLab({ dataDir: '${dir}', listen: '127.0.0.1', port: 0, logger: silentLogger, entry: new URL('${entry.href}') })
process.stdout.write(String(lab.pid) + '\\n')
`,
  )
  const parent = spawn(process.execPath, [box], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(chunk.toString())
  t.ok(isAlive(pid))
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await until(() => !isAlive(pid))
  t.notOk(isAlive(pid))
})

void t.test('the real entry starts with its Teams edge', async (t) => {
  const { lab } = await start(t, { entry: new URL('../../src/lab/main.ts', import.meta.url) })
  t.ok(lab.endpoints.trunk.hosts.every(({ port, address }) => port > 0 && address === '127.0.0.1'))
})

void t.test('a command line is read whole or refused with the flag', async (t) => {
  t.match(parseLabArguments(['--data', '/x']), {
    dataDir: '/x',
    port: 8444,
    codeLifetimeMs: 900_000,
    codeIntervalMs: 5000,
    exactPort: false,
  })
  t.throws(() => parseLabArguments([]), { code: 'CONFIG_INVALID', details: { flag: '--data' } })
  t.throws(() => parseLabArguments(['--data', 'x', '--port', '70000']), {
    code: 'CONFIG_INVALID',
    details: { flag: '--port' },
  })
  t.throws(() => parseLabArguments(['--data', 'x', '--code-interval', '0']), {
    code: 'CONFIG_INVALID',
    details: { flag: '--code-interval' },
  })
  t.throws(() => parseLabArguments(['--wat']), { code: 'CONFIG_INVALID' })
})
