import t from 'tap'
import { startTestEngine } from '#test/support/start-engine.ts'
import { ask, idOf } from '../support/ask.ts'
import { answeredCall } from '../support/established.ts'
import { RawPeer, sdp } from '../support/raw-peer.ts'

// Names that nobody has registered, in odd letters; values with everything that separates in SIP.
const strange: [string, string][] = [
  ['X-Odd', 'a;b=c, "d, e" <sip:f@g>;h="i;j"'],
  ['P-Unheard-Of', 'one,two ,three'],
  ['History-Info', '<sip:bob@example.org?Reason=SIP%3Bcause%3D302>;index=1.1'],
  ['User-to-User', '56a390f3d2b7310023a2;encoding=hex;content=foo'],
  ['Geolocation', '<cid:target123@atlanta.example.com>;inserted-by="a"'],
  ['Reason', 'Q.850;cause=16;text="Normal call clearing"'],
  ['Subject', 'Grüße aus Köln — 你好'],
]

const multipart = [
  '--b',
  'Content-Type: application/sdp',
  '',
  'v=0',
  '--b',
  'Content-Type: application/pidf+xml',
  'Content-ID: <x@y>',
  '',
  '<presence>Zürich</presence>',
  '--b--',
  '',
].join('\r\n')

void t.test('unknown methods, headers and bodies arrive as they were sent', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const seen: Record<string, unknown>[] = []
  srf.use('dance', (req, res) => {
    const headers = Object.fromEntries(strange.map(([name]) => [name, req.get(name) as unknown]))
    seen.push({ ...headers, body: req.body, method: req.method })
    const answer = Object.fromEntries(strange)
    res.send(202, 'Danced', {
      headers: { ...answer, 'Content-Type': 'multipart/mixed;boundary=b' },
      body: multipart,
    })
  })
  const peer = await RawPeer.open(t, udpPort)
  const extra = [
    ...strange.map(([name, value]) => `${name}: ${value}`),
    'Content-Type: multipart/mixed;boundary=b',
  ]
  peer.sendBytes(peer.request('DANCE', { extra }), Buffer.from(multipart))
  const answer = await peer.nextResponse()
  t.match([answer.status, answer.reason], [202, 'Danced'])
  t.same(seen, [{ ...Object.fromEntries(strange), body: multipart, method: 'DANCE' }])
  for (const [name, value] of strange) t.equal(answer.headers.get(name), value, name)
  t.equal(answer.body.toString(), multipart)

  const asked = ask(srf, `sip:bob@127.0.0.1:${peer.port}`, {
    method: 'PUBLISH',
    headers: {
      ...Object.fromEntries(strange),
      'Content-Type': 'multipart/mixed;boundary=b',
      'SIP-If-Match': 'x',
    },
    body: multipart,
  })
  const request = await peer.nextRequest('PUBLISH')
  for (const [name, value] of strange) t.equal(request.headers.get(name), value, name)
  t.equal(request.body.toString(), multipart)
  peer.send(peer.answer(request, 200, 'OK', 'bob', ['SIP-ETag: y', 'X-Odd: back']))
  const final = await asked
  t.same([final.get('SIP-ETag'), final.get('X-Odd')], ['y', 'back'])
})

void t.test('compact forms and folded lines are understood and written long (RFC 3261 7.3)', async (t) => {
  const { srf, udpPort } = await startTestEngine(t)
  const seen: unknown[] = []
  srf.use('refer', (req, res) => {
    seen.push(req.get('Refer-To'), req.get('Referred-By'), req.get('Subject'), req.get('Supported'))
    res.send(202)
  })
  const peer = await RawPeer.open(t, udpPort)
  peer.send([
    `REFER sip:100@127.0.0.1:${udpPort} SIP/2.0`,
    `v: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKcompact`,
    'f: <sip:peer@127.0.0.1>;tag=peer-tag',
    't: <sip:100@127.0.0.1>',
    'i: compact',
    'CSeq: 1 REFER',
    'Max-Forwards: 70',
    `m: <sip:peer@127.0.0.1:${peer.port}>`,
    'r: <sip:carol@example.org>',
    'b: <sip:alice@example.org>',
    's: a long',
    '  way\tto say',
    '\tit',
    'k: replaces,',
    ' norefersub',
  ])
  await peer.nextResponse(202)
  t.same(seen, [
    '<sip:carol@example.org>',
    '<sip:alice@example.org>',
    'a long way\tto say it',
    'replaces, norefersub',
  ])
})

void t.test('Reason of BYE and of refusals passes (RFC 3326)', async (t) => {
  const { peer, dialog, inDialog, srf } = await answeredCall(t)
  const why = 'Q.850;cause=34;text="No circuit", SIP;cause=503'
  const told = ask(srf, undefined, { method: 'BYE', headers: { Reason: why }, stackDialogId: idOf(dialog) })
  const bye = await peer.nextRequest('BYE')
  t.equal(bye.headers.get('Reason'), why)
  peer.send(peer.answer(bye, 200, 'OK'))
  await told
  t.ok(inDialog)
  const { srf: other, udpPort } = await startTestEngine(t)
  other.use('invite', (_req, res) => res.send(486, { headers: { Reason: why } }))
  const caller = await RawPeer.open(t, udpPort)
  caller.send(caller.request('INVITE'), sdp)
  t.equal((await caller.nextResponse(486)).headers.get('Reason'), why)
})

void t.test(
  'MESSAGE, INFO, OPTIONS, NOTIFY and what nobody knows pass inside dialogs, both ways',
  async (t) => {
    const { peer, dialog, inDialog, srf } = await answeredCall(t)
    let sequence = 1
    for (const method of ['MESSAGE', 'INFO', 'OPTIONS', 'NOTIFY', 'PUBLISH']) {
      const got = new Promise<string>((resolve) => {
        const on = dialog.on.bind(dialog) as unknown as (
          event: string,
          then: (req: { body: string }, res: { send(status: number): void }) => void,
        ) => void
        on(method.toLowerCase(), (req, res) => {
          res.send(200)
          resolve(req.body)
        })
      })
      const extra = ['Content-Type: text/plain', 'Event: talk']
      peer.sendBytes(inDialog(method, ++sequence, extra), Buffer.from(`größer ${method}`))
      t.equal((await peer.nextResponse()).headers.get('CSeq'), `${sequence} ${method}`)
      t.equal(await got, `größer ${method}`)
      const ours = ask(srf, undefined, {
        method,
        headers: { 'Content-Type': 'text/plain', 'Content-Disposition': 'render;handling=optional' },
        body: 'aß',
        stackDialogId: idOf(dialog),
      })
      const request = await peer.nextRequest(method)
      t.equal(request.body.toString(), 'aß')
      t.equal(request.headers.get('Content-Disposition'), 'render;handling=optional')
      peer.send(peer.answer(request, 200, 'OK'))
      t.equal((await ours).status, 200)
    }
    // The library answers what it has no name for.
    peer.send(inDialog('DANCE', ++sequence))
    t.equal((await peer.nextResponse()).status, 501)
    t.equal(sequence, 7)
  },
)
