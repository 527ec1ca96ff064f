// drachtio-srf's own test suite, as its npm package ships it, against this engine: npm run test:srf-suite [-- FILE …].
// The suite wants docker, drachtio-servers and SIPp in containers; here two engines stand in for the servers, over
// their TCP doors, and SIPp runs on loopback addresses of its own. One line per file, a JSON summary at the end.
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEngine, type Engine } from '#src/engine/engine.ts'
import { testEngineOptions } from '#test/support/start-engine.ts'
import {
  engineNames,
  namedContainer,
  shimVariable,
  suiteFiles,
  type ShimSettings,
  type SuiteFile,
} from './plan.ts'
import { addressOf, readableScenario, readContainers } from './rewrite.ts'

const secret = 'cymru'
const here = dirname(fileURLToPath(import.meta.url))
const packageFolder = dirname(createRequire(import.meta.url).resolve('drachtio-srf/package.json'))
const suiteFolder = join(packageFolder, 'test')
const compose = readFileSync(join(suiteFolder, 'docker-compose-testbed.yaml'), 'utf8')

interface FileResult {
  file: string
  passed: number
  wanted: number
  ok: boolean
  seconds: number
  leftBehind: Record<string, number>
}

const folder = mkdtempSync(join(tmpdir(), 'srf-suite-'))
const running = new Set<ChildProcess>()
const engines: Engine[] = []
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().then(() => process.exit(130)))
}
try {
  process.exitCode = (await runSuite(process.argv.slice(2))) ? 0 : 1
} finally {
  await cleanUp()
}

async function runSuite(only: readonly string[]): Promise<boolean> {
  const wanted = suiteFiles.filter(({ name }) => only.length === 0 || only.includes(name))
  const scenarios = writeScenarios()
  const containers = readContainers(compose)
  const hosts: Record<string, string> = { [namedContainer.name]: namedContainer.address }
  for (const { name, address } of containers) hosts[name] = address
  for (const name of Object.values(engineNames)) hosts[name] = addressOf(compose, name)
  const sut = await openEngine(engineNames.sut, hosts)
  const uas = await openEngine(engineNames.uas, hosts)
  for (const { address, scenario } of containers) startContainer(address, join(scenarios, scenario))
  const shim: ShimSettings = { scenarios, hosts, numbers: join(folder, 'callers') }
  mkdirSync(shim.numbers)
  const environment = {
    ...process.env,
    NODE_ENV: 'test',
    NODE_CONFIG_DIR: join(packageFolder, 'config'),
    NODE_CONFIG: JSON.stringify({ 'drachtio-sut': doorOf(sut), 'drachtio-uas': doorOf(uas) }),
    [shimVariable]: JSON.stringify(shim),
    PATH: `${writeShim()}:${process.env['PATH'] ?? ''}`,
    TERM: 'dumb',
  }
  const results: FileResult[] = []
  for (const file of wanted) {
    const result = await runFile(file, environment)
    results.push(result)
    console.log(
      `${result.ok ? 'ok     ' : 'FAILED '} ${file.name} ${result.passed}/${result.wanted} ${result.seconds} s`,
    )
  }
  const ok = results.length > 0 && results.every((result) => result.ok)
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  console.log(JSON.stringify({ suite: 'drachtio-srf', version: packageVersion(), ok, passed, results }))
  return ok
}

async function openEngine(name: string, hosts: Record<string, string>): Promise<Engine> {
  const host = hosts[name] as string
  const engine = await startEngine(
    testEngineOptions({
      listen: [
        { protocol: 'udp', host, port: 5060 },
        { protocol: 'tcp', host, port: 5060 },
      ],
      staticHosts: Object.entries(hosts).map(([known, address]) => ({ name: known, address })),
      door: { host: '127.0.0.1', port: 0, secret },
    }),
  )
  engines.push(engine)
  return engine
}

function doorOf(engine: Engine): { host: string; port: number; secret: string } {
  const { door } = engine
  if (!door) throw new Error('the door of an engine did not open')
  return { ...door, secret }
}

function writeScenarios(): string {
  const from = join(suiteFolder, 'scenarios')
  const to = join(folder, 'scenarios')
  mkdirSync(to)
  for (const file of readdirSync(from)) {
    if (file.endsWith('.xml')) {
      writeFileSync(join(to, file), readableScenario(readFileSync(join(from, file), 'utf8')))
    }
  }
  return to
}

function writeShim(): string {
  const to = join(folder, 'bin')
  mkdirSync(to)
  const path = join(to, 'docker')
  const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
  writeFileSync(path, `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(join(here, 'docker.ts'))} "$@"\n`)
  chmodSync(path, 0o755)
  return to
}

function startContainer(address: string, scenario: string): void {
  const cwd = join(folder, address)
  mkdirSync(cwd)
  const args = ['-sf', scenario, '-i', address, '-p', '5060', '-nostdin']
  track(spawn('sipp', args, { cwd, stdio: 'ignore', env: { ...process.env, TERM: 'dumb' } }))
}

function track(child: ChildProcess): void {
  running.add(child)
  child.on('error', (error) => console.log(`SIPp does not start: ${error.message}`))
  child.on('exit', () => running.delete(child))
}

async function runFile(file: SuiteFile, env: NodeJS.ProcessEnv): Promise<FileResult> {
  const startedMs = performance.now()
  // The library calls process.exit nowhere; a file that hangs is ended by its limit and fails for its count.
  const child = spawn(
    process.execPath,
    ['--import', join(here, 'hook.ts'), join(suiteFolder, `${file.name}.js`)],
    { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: file.limitMs, killSignal: 'SIGKILL' },
  )
  track(child)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const passed = [...output.matchAll(/^ok \d+/gm)].length
  const failed = [...output.matchAll(/^not ok \d+/gm)].length
  const ok = passed === file.assertions && failed === 0 && code === 0
  if (!ok) console.log(output.trimEnd())
  const leftBehind: Record<string, number> = {}
  for (const engine of engines) {
    for (const name of ['dialogsAlive', 'requestsServing', 'requestsAsking']) {
      leftBehind[name] = (leftBehind[name] ?? 0) + (engine.counters()[name] ?? 0)
    }
  }
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10
  return { file: file.name, passed, wanted: file.assertions, ok, seconds, leftBehind }
}

function packageVersion(): string {
  const text = readFileSync(join(packageFolder, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

async function cleanUp(): Promise<void> {
  const ending = [...running].map((child) => new Promise((resolve) => child.once('exit', resolve)))
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(ending)
  for (const engine of engines.splice(0)) await engine.stop()
  rmSync(folder, { recursive: true, force: true })
}
