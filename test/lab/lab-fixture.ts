import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '#src/base/clock.ts'
import { systemClock } from '#src/base/clock.ts'
import { silentLogger } from '#src/base/logger.ts'
import { systemRandom } from '#src/base/random.ts'
import { loadLabCertificates } from '#src/lab/certificates.ts'
import { entraCodeTimes, startLabTenant, type LabTenant } from '#src/lab/lab-tenant.ts'
import { createHttpClient, type HttpAnswer, type HttpClient } from '#src/microsoft/network-client.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { startFakeTeamsEdge } from './fake-teams-edge.ts'

/** What a test's `t` offers here. */
export interface Testing {
  testdir(): string
  teardown(work: () => Promise<void> | void): void
}

/** A lab in this process, on free ports of the loopback, with helpers that act as a browser or a script. */
export interface TestLab extends LabTenant {
  logger: MemoryLogger
  http: HttpClient
  get(path: string, headers?: Record<string, string>): Promise<HttpAnswer>
  /** Posts a form. */
  post(path: string, form: Record<string, string>, headers?: Record<string, string>): Promise<HttpAnswer>
  /** Sends JSON as the control API takes it. */
  send(method: 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<HttpAnswer>
  /** Decides about a code, as a person on the page does. */
  decide(code: string, verdict: 'approve' | 'decline', person?: string): Promise<HttpAnswer>
}

// Making RSA keys takes a while: one set is made per test file and copied into each new lab.
let template: Promise<string> | undefined

async function makeTemplate(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'branchline-lab-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  await loadLabCertificates({
    dir,
    addresses: ['127.0.0.1'],
    nowMs: systemClock.nowMs(),
    logger: silentLogger,
  })
  return dir
}

/** Starts a lab and stops it with the test. */
export async function startTestLab(
  t: Testing,
  more: {
    clock?: Clock
    dataDir?: string
    codeLifetimeMs?: number
    codeIntervalMs?: number
    port?: number
  } = {},
): Promise<TestLab> {
  const logger = new MemoryLogger()
  const dataDir = more.dataDir ?? t.testdir()
  // Never over what an earlier lab of the same test has left there.
  cpSync(await (template ??= makeTemplate()), dataDir, { recursive: true, force: false })
  const lab = await startLabTenant({
    dataDir,
    listenHost: '127.0.0.1',
    port: more.port ?? 0,
    edgePort: 0,
    exactPort: false,
    clock: more.clock ?? systemClock,
    codeLifetimeMs: more.codeLifetimeMs ?? entraCodeTimes.codeLifetimeMs,
    codeIntervalMs: more.codeIntervalMs ?? entraCodeTimes.codeIntervalMs,
    startTeamsEdge: startFakeTeamsEdge,
    random: systemRandom,
    logger,
  })
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= lab.stop())
  t.teardown(stop)
  const { authorityHost, caPem } = lab.endpoints
  const http = createHttpClient({ caPem, clock: systemClock })
  const ask: TestLab['http'] = (request, signal) => http(request, signal)
  const never = new AbortController().signal
  const post: TestLab['post'] = (path, form, headers = {}) =>
    http(
      {
        method: 'POST',
        url: authorityHost + path,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(form).toString(),
      },
      never,
    )
  return {
    ...lab,
    stop,
    logger,
    http: ask,
    post,
    get: (path, headers = {}) => http({ method: 'GET', url: authorityHost + path, headers }, never),
    send: (method, path, body) =>
      http(
        {
          method,
          url: authorityHost + path,
          headers: body === undefined ? {} : { 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        },
        never,
      ),
    decide: (code, verdict, person) => post('/devicelogin', { code, verdict, ...(person ? { person } : {}) }),
  }
}

/** Parses a JSON answer. */
export function json(answer: HttpAnswer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>
}
