import type Srf from 'drachtio-srf'
import type { Test } from 'tap'
import type { EngineOptions } from '#src/engine/options.ts'
import type { SipRequest, SipResponse } from '#src/sip/message.ts'
import { FakeClock } from '#test/support/fake-clock.ts'
import { startTestEngine, type TestEngine } from '#test/support/start-engine.ts'
import { RawPeer, sdp, toTagOf, type RequestParts } from './raw-peer.ts'

/** A call that is up between a raw peer and the application; the clock stands still. */
export interface EstablishedCall extends TestEngine {
  clock: FakeClock
  peer: RawPeer
  dialog: Srf.Dialog
  /** Why the dialog ended, once it has. */
  ended: Promise<string>
  /** Header lines of a request of the peer in this dialog. */
  inDialog: (method: string, sequence: number, extra?: string[], contact?: string | null) => string[]
}

/** The reason with which a dialog ends. */
export function endOf(dialog: Srf.Dialog): Promise<string> {
  return new Promise((resolve) => dialog.on('destroy', (...values: unknown[]) => resolve(String(values[1]))))
}

/** The peer called, the application answered. */
export async function answeredCall(
  t: Test,
  parts: RequestParts = {},
  overrides: Partial<EngineOptions> = {},
): Promise<EstablishedCall & { ok: SipResponse }> {
  const clock = new FakeClock()
  const world = await startTestEngine(t, { ...overrides, clock })
  const peer = await RawPeer.open(t, world.udpPort)
  const answered = new Promise<Srf.Dialog>((resolve, reject) => {
    world.srf.use('invite', (req, res) => {
      world.srf.createUAS(req, res, { localSdp: sdp }).then(resolve, reject)
    })
  })
  peer.send(peer.request('INVITE', parts), sdp)
  const ok = await peer.nextResponse(200)
  const dialog = await answered
  const toTag = toTagOf(ok)
  const ack = new Promise<void>((resolve) => dialog.on('ack', () => resolve()))
  peer.send(peer.request('ACK', { toTag }))
  await ack
  return {
    ...world,
    clock,
    peer,
    dialog,
    ok,
    ended: endOf(dialog),
    inDialog: (method, sequence, extra = [], contact) =>
      peer.request(method, { toTag, sequence, extra, ...(contact === undefined ? {} : { contact }) }),
  }
}

/** The application called, the peer answered with `extra` in its 200. */
export async function placedCall(
  t: Test,
  options: { headers?: Record<string, string>; extra?: string[]; overrides?: Partial<EngineOptions> } = {},
): Promise<EstablishedCall & { invite: SipRequest }> {
  const clock = new FakeClock()
  const world = await startTestEngine(t, { ...options.overrides, clock })
  const peer = await RawPeer.open(t, world.udpPort)
  const calling = world.srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, {
    localSdp: sdp,
    headers: options.headers ?? {},
  })
  const invite = await peer.nextRequest('INVITE')
  peer.send(peer.answer(invite, 200, 'OK', 'bob', options.extra), sdp)
  await peer.nextRequest('ACK')
  const dialog = await calling
  return {
    ...world,
    clock,
    peer,
    dialog,
    invite,
    ended: endOf(dialog),
    inDialog: (method, sequence, extra = [], contact) =>
      fromCallee(peer, invite, method, sequence, extra, contact),
  }
}

/** Header lines of a request from the side that was called, whose tag is `tag`. */
export function fromCallee(
  peer: RawPeer,
  invite: SipRequest,
  method: string,
  sequence: number,
  extra: string[] = [],
  contact?: string | null,
  tag = 'bob',
): string[] {
  const { headers } = invite
  const target = /<([^>]+)>/.exec(headers.get('Contact') ?? '')?.[1] ?? ''
  return [
    `${method} ${target} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bK${Math.random().toString(36).slice(2)}`,
    'Max-Forwards: 70',
    `From: ${headers.get('To') ?? ''};tag=${tag}`,
    `To: ${headers.get('From') ?? ''}`,
    `Call-ID: ${headers.get('Call-ID') ?? ''}`,
    `CSeq: ${sequence} ${method}`,
    ...(contact === null ? [] : [`Contact: ${contact ?? `<sip:bob@127.0.0.1:${peer.port}>`}`]),
    ...extra,
  ]
}

/** The CSeq number. */
export function numberOf(message: SipRequest | SipResponse): number {
  return Number.parseInt(message.headers.get('CSeq') ?? '', 10)
}
