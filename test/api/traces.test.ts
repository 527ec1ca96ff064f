import t, { type Test } from 'tap'
import type { TracesPort } from '#src/api/traces-port.ts'
import type { LadderView } from '#src/api/schema/traces.ts'
import { silentLogger } from '#src/base/logger.ts'
import { Signalling } from '#src/engine/trace/signalling.ts'
import { writePcapng } from '#src/engine/trace/write-pcapng.ts'
import { parseMessage } from '#src/sip/parse-message.ts'
import {
  message,
  playSampleCall,
  sampleFlow,
  sampleFlows,
  sampleSecrets,
} from '#test/engine/trace/sample-call.ts'
import { readCapture } from '#test/peers/tshark.ts'
import { startTestApi, type TestApi } from './api-fixture.ts'

interface TracedApi {
  api: TestApi
  signalling: Signalling
}

async function startTracedApi(t: Test): Promise<TracedApi> {
  const api = await startTestApi(t)
  const signalling = new Signalling({ clock: api.clock, logger: silentLogger, secretCodes: ['*55*'] })
  signalling.start({ limits: { maxBytes: 1024 * 1024, maxAgeMs: 3_600_000 }, homer: undefined })
  t.teardown(() => signalling.stop())
  const traces: TracesPort = {
    ofCall: (id) => signalling.ofCall(id),
    outside: (limit, of) => signalling.outside(limit, of),
    captureOf: (id, reveal) => {
      const messages = signalling.ofCall(id, reveal)?.flatMap((leg) => leg.messages)
      return messages && writePcapng(messages, { application: 'test', comment: '' })
    },
  }
  api.context.parts = { ...api.context.parts, traces }
  return { api, signalling }
}

function playCall({ api, signalling }: TracedApi): void {
  playSampleCall(signalling, {
    flows: sampleFlows(),
    joined: (sipCallId, party) => signalling.join('call-1', sipCallId, party),
    pass: (ms) => api.clock.advance(ms),
  })
}

t.test('the messages of a call: who sent what to whom, when, and what repeats what', async (t) => {
  const traced = await startTracedApi(t)
  const { api } = traced
  await api.claim()
  playCall(traced)
  const reply = await api.ask('GET', '/api/calls/call-1/messages')
  t.equal(reply.statusCode, 200)
  const { columns, messages, leftOut } = reply.json<LadderView>()
  t.match(columns, [
    { kind: 'peer', party: { displayName: 'Anna Albrecht' }, host: '192.0.2.10' },
    { kind: 'box', party: null },
    { kind: 'peer', party: { kind: 'trunk', id: 'teams' }, host: '198.51.100.7' },
  ])
  t.equal(messages.length, 18)
  t.equal(leftOut, 0)
  t.match(messages[0], { kind: 'request', method: 'INVITE', status: null, label: 'INVITE', from: 0, to: 1 })
  t.match(messages[0], {
    hasSdp: true,
    protocol: 'udp',
    source: '192.0.2.10:5060',
    destination: '192.0.2.1:5060',
  })
  t.match(messages[1], {
    kind: 'response',
    method: 'INVITE',
    status: 407,
    label: '407 Proxy Authentication Required',
  })
  t.match(messages[5], { label: 'INVITE', from: 1, to: 2, protocol: 'tls' })
  const ringing = messages.flatMap(({ label, from, repeatOf }, index) =>
    label === '180 Ringing' && from === 1 ? [{ index, repeatOf }] : [],
  )
  const first = ringing[0]?.index
  t.strictSame(
    ringing.map(({ repeatOf }) => repeatOf),
    [null, first, first],
  )
  t.equal((messages[1]?.atMs ?? 0) - (messages[0]?.atMs ?? 0), 12.5)
  for (const secret of sampleSecrets) t.notOk(reply.body.includes(secret), 'nothing secret leaves the box')
  const few = (await api.ask('GET', '/api/calls/call-1/messages?limit=5')).json<LadderView>()
  t.strictSame(
    few.messages.map(({ label, atMs }) => ({ label, atMs })),
    [0, 1, 2, 16, 17].map((index) => ({ label: messages[index]?.label, atMs: messages[index]?.atMs })),
    'its beginning and its end',
  )
  t.equal(few.leftOut, 13)
  t.equal((await api.ask('GET', '/api/calls/call-1/messages?limit=100000')).statusCode, 400)
})

t.test('the capture is read by tshark; with keys only when asked for, and then it is noted', async (t) => {
  const traced = await startTracedApi(t)
  const { api } = traced
  await api.claim()
  playCall(traced)
  const plain = await api.ask('GET', '/api/calls/call-1/messages.pcapng')
  t.equal(plain.headers['content-type'], 'application/x-pcapng')
  t.match(plain.headers['content-disposition'], /^attachment; filename="call-call1\.pcapng"$/)
  t.equal((await readCapture(plain.rawPayload, ['sip.Call-ID'])).length, 18)
  const keyed = await api.ask('GET', '/api/calls/call-1/messages.pcapng?keys=true')
  const [digest, cnonce, key, code] = sampleSecrets as [string, string, string, string]
  t.notOk(plain.rawPayload.includes(key))
  t.ok(keyed.rawPayload.includes(key))
  for (const secret of [digest, cnonce, code])
    t.notOk(keyed.rawPayload.includes(secret), 'keys and nothing else')
  const audited = api.store.audit.list({ limit: 10 }).filter(({ action }) => action === 'call.capture')
  t.strictSame(
    audited.map(({ subject, details }) => ({ subject, details })),
    [
      { subject: 'call-1', details: { keys: true } },
      { subject: 'call-1', details: { keys: false } },
    ],
  )
})

t.test('messages outside calls, of everybody and of one phone', async (t) => {
  const { api, signalling } = await startTracedApi(t)
  await api.claim()
  const { deviceId, username } = await api.addPhone('Reception')
  const box = { host: '192.0.2.1', port: 5060 }
  const play = (host: string, user: string): void => {
    const raw = message('REGISTER sip:b SIP/2.0', { callId: `r-${host}`, cseq: '1 REGISTER' }, [
      `X: <sip:${user}@b>`,
    ])
    signalling.received(raw, sampleFlow('udp', box, { host, port: 5060 }), parseMessage(raw))
  }
  play('192.0.2.10', username)
  play('192.0.2.11', 'somebody')
  signalling.received(
    Buffer.from('\x16\x03\x01garbage'),
    sampleFlow('tcp', box, { host: '192.0.2.12', port: 1 }),
    undefined,
  )
  const all = (await api.ask('GET', '/api/messages')).json<LadderView>()
  t.strictSame(
    all.messages.map(({ kind, source }) => `${kind} ${source}`),
    ['request 192.0.2.10:5060', 'request 192.0.2.11:5060', 'unreadable 192.0.2.12:1'],
  )
  const one = (await api.ask('GET', `/api/messages?device=${deviceId}`)).json<LadderView>()
  t.strictSame(
    one.messages.map(({ source }) => source),
    ['192.0.2.10:5060'],
  )
  t.equal((await api.ask('GET', '/api/messages?device=none')).statusCode, 404)
})

t.test('only the admin sees them, and what is gone is said to be gone', async (t) => {
  const traced = await startTracedApi(t)
  const { api } = traced
  playCall(traced)
  const paths = [
    '/api/calls/call-1/messages',
    '/api/calls/call-1/messages.pcapng',
    '/api/messages',
    '/api/metrics/token',
  ]
  for (const path of paths) t.equal((await api.ask('GET', path)).statusCode, 401, path)
  await api.claim()
  const gone = await api.ask('GET', '/api/calls/call-2/messages')
  t.equal(gone.statusCode, 404)
  t.match(gone.json(), { code: 'NOT_FOUND', text: /not kept any more/ })
  t.equal((await api.ask('GET', '/api/calls/call-2/messages.pcapng')).statusCode, 404)
})
