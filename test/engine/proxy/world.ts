import type { Test } from 'tap'
import type { SipRequest } from '#src/sip/message.ts'
import { RawPeer } from '#test/engine/support/raw-peer.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'

/** What the library hands an application when proxying is over. */
export interface ProxyResults {
  connected: boolean
  finalStatus: number
  responses: { msgs: { status: number }[] }[]
}

/** Options as drachtio-srf takes them. */
export interface ProxyOptions {
  forking?: 'simultaneous' | 'sequential'
  remainInDialog?: boolean
  followRedirects?: boolean
  provisionalTimeout?: string
  finalTimeout?: string
  headers?: Record<string, string>
}

export interface ProxyWorld extends TestEngine {
  clock: FakeClock
  caller: RawPeer
  callees: RawPeer[]
  /** One for each request that the application got: what became of it. */
  results: Promise<ProxyResults>[]
}

type ProxyRequest = (request: unknown, destinations: string[], options: ProxyOptions) => Promise<ProxyResults>

/** An engine whose application proxies every request of these methods to the callees, in their order. */
export async function proxyWorld(
  t: Test,
  options: ProxyOptions & { callees?: number; methods?: string[]; more?: string[]; suffix?: string } = {},
): Promise<ProxyWorld> {
  const clock = new FakeClock()
  const engine = await startTestEngine(t, { clock })
  const caller = await RawPeer.open(t, engine.udpPort)
  const callees: RawPeer[] = []
  const { callees: count = 1, methods = ['invite'], more = [], suffix = '', ...wish } = options
  while (callees.length < count) callees.push(await RawPeer.open(t, engine.udpPort))
  const results: Promise<ProxyResults>[] = []
  for (const method of methods) {
    engine.srf.use(method as 'invite', (request) => {
      const targets = callees.map(({ port }) => `sip:127.0.0.1:${port}${suffix}`)
      const proxy = engine.srf as unknown as { proxyRequest: ProxyRequest }
      const result = proxy.proxyRequest(request, [...targets, ...more], { ...wish })
      // A refusal is looked at by the test that wants it.
      result.catch(() => undefined)
      results.push(result)
    })
  }
  return { ...engine, clock, caller, callees, results }
}

/** The callee at this place in the list. */
export function calleeOf(world: ProxyWorld, index: number): RawPeer {
  const callee = world.callees[index]
  if (!callee) throw new Error(`there is no callee ${index}`)
  return callee
}

/** Lets a callee take an INVITE and answer it with a status. */
export async function answerInvite(
  callee: RawPeer,
  status: number,
  tag: string,
  extra: string[] = [],
): Promise<SipRequest> {
  const invite = await callee.nextRequest('INVITE')
  callee.send(callee.answer(invite, status, 'Answer', tag, [...recordRoutes(invite), ...extra]))
  return invite
}

/** Record-Route lines that a UAS copies into its answer. */
export function recordRoutes(request: SipRequest): string[] {
  return request.headers.getAll('Record-Route').map((value) => `Record-Route: ${value}`)
}

/** The ACK of a caller to a failure, in the INVITE's own transaction. */
export function acknowledge(caller: RawPeer, branch: string, toTag: string): void {
  caller.send(caller.request('ACK', { branch, toTag, contact: null }))
}
