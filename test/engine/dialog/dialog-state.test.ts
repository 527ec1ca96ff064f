import t from 'tap'
import { SipHeaders, type SipRequest, type SipResponse } from '#src/sip/message.ts'
import {
  confirm,
  dialogFromRequest,
  dialogFromResponse,
  dialogId,
  isOutOfOrder,
  nextSequence,
  routing,
  withRefreshRequest,
  withRequest,
} from '#src/engine/dialog/dialog-state.ts'

const noBody = Buffer.alloc(0)

function request(method: string, fields: string[]): SipRequest {
  return { kind: 'request', method, uri: 'sip:b@host', headers: new SipHeaders(fields), body: noBody }
}

function response(status: number, fields: string[]): SipResponse {
  return { kind: 'response', status, reason: '', headers: new SipHeaders(fields), body: noBody }
}

const invite = [
  ...['From', '"A" <sip:a@x>;tag=f', 'To', '<sip:b@host>', 'Call-ID', 'c', 'CSeq', '7 INVITE'],
  ...['Contact', '<sip:a@192.0.2.9:5070>'],
]

void t.test('a request makes the dialog of the called side (RFC 3261 12.1.1)', async (t) => {
  const routed = [...invite, 'Record-Route', '<sip:p1;lr>', 'Record-Route', '<sip:p2;lr>']
  const state = dialogFromRequest(request('INVITE', routed), 'mine', 'early')
  t.match(state, {
    callId: 'c',
    localTag: 'mine',
    remoteTag: 'f',
    localParty: '<sip:b@host>;tag=mine',
    remoteParty: '"A" <sip:a@x>;tag=f',
    remoteSequence: 7,
    remoteTarget: 'sip:a@192.0.2.9:5070',
    routeSet: ['<sip:p1;lr>', '<sip:p2;lr>'],
  })
  t.equal(dialogId(state), 'c;from-tag=f')
  const unreadable = invite.map((field) => (field.startsWith('<sip:a@192') ? '<>' : field))
  const fallen = dialogFromRequest(request('INVITE', unreadable), 'mine', 'early')
  t.equal(fallen.remoteTarget, 'sip:a@x', 'a Contact that nobody can read leaves the address of From')
})

void t.test('a response makes the dialog of the calling side, route set reversed (12.1.2)', async (t) => {
  const fields = ['To', '<sip:b@host>;tag=t', 'Contact', '<sip:b@198.51.100.1>']
  const routes = ['Record-Route', '<sip:p2;lr>', 'Record-Route', '<sip:p1;lr>']
  const early = dialogFromResponse(request('INVITE', invite), response(183, [...fields, ...routes]))
  t.match(early, { phase: 'early', localTag: 'f', remoteTag: 't', routeSet: ['<sip:p1;lr>', '<sip:p2;lr>'] })
  if (!early) return
  t.equal(dialogId(early), 'c;from-tag=f')
  const confirmed = confirm(early, response(200, [...fields, 'Record-Route', '<sip:p3;lr>']))
  t.same(confirmed.routeSet, ['<sip:p3;lr>'], 'the 2xx sets the route anew')
  t.equal(confirmed.phase, 'confirmed')
  t.equal(dialogFromResponse(request('INVITE', invite), response(180, ['To', '<sip:b@host>'])), undefined)
})

void t.test('requests follow loose and strict routes (12.2.1.1)', async (t) => {
  const base = dialogFromRequest(request('INVITE', invite), 'mine', 'confirmed')
  const target = 'sip:a@192.0.2.9:5070'
  t.same(routing(base), { uri: target, routes: [], nextHop: target })
  t.same(routing({ ...base, routeSet: ['<sip:p1;lr>', '<sip:p2;lr>'] }), {
    uri: target,
    routes: ['<sip:p1;lr>', '<sip:p2;lr>'],
    nextHop: 'sip:p1;lr',
  })
  t.same(routing({ ...base, routeSet: ['<sip:p1>', '<sip:p2;lr>'] }), {
    uri: 'sip:p1',
    routes: ['<sip:p2;lr>', `<${target}>`],
    nextHop: 'sip:p1',
  })
})

void t.test('numbers run apart in both directions', async (t) => {
  const base = dialogFromRequest(request('INVITE', invite), 'mine', 'confirmed')
  t.equal(nextSequence(base, undefined).localSequence, 1)
  t.equal(nextSequence(base, 40).localSequence, 40, 'a digest retry brings its own')
  t.equal(nextSequence({ ...base, localSequence: 50 }, 40).localSequence, 51, 'never back')
  t.equal(isOutOfOrder(base, 6), true)
  t.equal(isOutOfOrder(base, 8), false)
  const update = request('UPDATE', ['CSeq', '9 UPDATE', 'Contact', '<sip:a@new>'])
  t.match(withRequest(base, update), { remoteSequence: 9, remoteTarget: 'sip:a@192.0.2.9:5070' })
  t.match(withRefreshRequest(base, update), { remoteTarget: 'sip:a@new' }, 'once it is accepted')
  const info = request('INFO', ['CSeq', '9 INFO', 'Contact', '<sip:a@new>'])
  t.match(withRefreshRequest(base, info), { remoteTarget: 'sip:a@192.0.2.9:5070' })
})
