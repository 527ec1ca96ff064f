import type tap from 'tap'
import { ApplianceError } from '#src/base/errors.ts'
import type { LegMedia, MediaRelay, RtpProfile } from '#src/media/media-relay.ts'
import { keyFromBytes } from '#src/sdp/crypto-line.ts'
import { findAudio } from '#src/sdp/offer-answer.ts'
import { parseSdp } from '#src/sdp/parse.ts'
import { audioDirection } from '#src/sdp/rewrite.ts'
import { MediaPeer, until, type PeerOptions } from './media-peer.ts'

type Test = typeof tap

/** What a test of one adapter provides. */
export interface ContractSubject {
  /** A started relay, stopped by teardown. */
  relay(t: Test): Promise<MediaRelay>
}

export function toward(profile: RtpProfile): LegMedia {
  return { profile, localAddress: '127.0.0.1' }
}

let nextSession = 1

/** A session between two peers, offered and answered; ids are never used again. */
export async function call(
  t: Test,
  relay: MediaRelay,
  callerOptions: PeerOptions = {},
  calleeOptions: PeerOptions = {},
) {
  const sessionId = `session-${process.pid}-${nextSession++}`
  const caller = await MediaPeer.open(t, callerOptions)
  const callee = await MediaPeer.open(t, calleeOptions)
  const towardCallee = toward(calleeOptions.secure ? 'RTP/SAVP' : 'RTP/AVP')
  const towardCaller = toward(callerOptions.secure ? 'RTP/SAVP' : 'RTP/AVP')
  const offerText = await relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: towardCallee })
  callee.accept(offerText)
  const answerSdp = callee.sdp()
  const answerText = await relay.answer({ sessionId, from: 'callee', sdp: answerSdp, toward: towardCaller })
  caller.accept(answerText)
  return { sessionId, caller, callee, offerText, answerSdp, answerText, towardCaller, towardCallee }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return error instanceof ApplianceError ? error.code : String(error)
  }
}

/** Sends `count` packets each way and checks that each arrives as it was sent. */
async function talk(t: Test, caller: MediaPeer, callee: MediaPeer, count = 5): Promise<void> {
  for (const [from, to] of [
    [caller, callee],
    [callee, caller],
  ] as const) {
    const before = to.rtp.length
    const first = from.sequence
    for (let sent = 0; sent < count; sent++) from.send(from.packet())
    await to.heard(before + count)
    const texts = to.rtp.slice(before).map((packet) => packet.toString('latin1', 12).replace(/\0+$/, ''))
    const expected = Array.from(
      { length: count },
      (_, at) => `packet ${(first + at) & 0xffff} of ${from.ssrc}`,
    )
    t.same(texts.sort(), expected.sort(), 'every packet came through unchanged')
  }
}

/** What each adapter of the media port must do; the same file for all. */
export function relayContract(t: Test, subject: ContractSubject): void {
  for (const [name, callerSecure, calleeSecure] of [
    ['RTP and RTP', false, false],
    ['RTP and SRTP', false, true],
    ['SRTP and RTP', true, false],
    ['SRTP and SRTP', true, true],
  ] as const) {
    t.test(`${name}: audio and reports both ways, each side in its own profile and key`, async (t) => {
      const relay = await subject.relay(t as Test)
      const { sessionId, caller, callee, offerText, answerText } = await call(
        t as Test,
        relay,
        { secure: callerSecure },
        { secure: calleeSecure },
      )
      t.equal(callee.remote?.secure, calleeSecure)
      t.equal(caller.remote?.secure, callerSecure)
      t.notMatch(offerText, String(caller.port), 'the port of the caller is hidden')
      t.notMatch(answerText, String(callee.port), 'the port of the callee is hidden')
      t.equal((callee.remote?.remote?.port ?? 1) % 2, 0, 'RTP on an even port')
      t.same(
        callee.remote?.media.codecs.map((codec) => `${codec.payload} ${codec.name}`),
        ['8 PCMA', '101 telephone-event'],
      )
      t.equal(callee.remote?.media.ptimeMs, 20)
      await talk(t as Test, caller, callee)
      caller.sendRtcp()
      await callee.heard(5, 1)
      callee.sendRtcp()
      await caller.heard(5, 1)
      for (const [peer, secure] of [
        [caller, callerSecure],
        [callee, calleeSecure],
      ] as const) {
        const shown = peer.raw.filter((packet) => packet.includes('packet')).length
        t.equal(
          shown,
          secure ? 0 : 5,
          secure ? 'nothing readable on the secure side' : 'plain on the plain side',
        )
      }
      if (callerSecure && calleeSecure) {
        t.not(
          caller.remote?.crypto?.key.masterKey.toString(),
          callee.remote?.crypto?.key.masterKey.toString(),
        )
        t.not(
          callee.remote?.crypto?.key.masterKey.toString(),
          caller.key.masterKey.toString(),
          'not handed through',
        )
      }
      const stats = await relay.delete(sessionId)
      t.equal(stats?.caller.receivedPackets, 5)
      t.equal(stats?.callee.receivedPackets, 5)
      t.equal(stats?.caller.profile, callerSecure ? 'RTP/SAVP' : 'RTP/AVP')
      t.same(stats?.callee.peer, { host: '127.0.0.1', port: callee.port })
      const totals = await relay.totals()
      t.equal(totals.sessions, 0)
      t.equal(totals.portsInUse, 0)
    })
  }

  t.test('an answer given twice, for 183 and 200, gives the same text', async (t) => {
    const relay = await subject.relay(t as Test)
    const { sessionId, caller, callee, answerSdp, answerText, towardCaller } = await call(
      t as Test,
      relay,
      { secure: true },
      { secure: true },
    )
    await talk(t as Test, caller, callee)
    const again = await relay.answer({ sessionId, from: 'callee', sdp: answerSdp, toward: towardCaller })
    t.equal(again, answerText)
    await talk(t as Test, caller, callee)
  })

  t.test('re-offers from either side keep ports and keys; hold and resume pass; audio goes on', async (t) => {
    const relay = await subject.relay(t as Test)
    const { sessionId, caller, callee, towardCaller, towardCallee } = await call(
      t as Test,
      relay,
      {},
      { secure: true },
    )
    await talk(t as Test, caller, callee)
    const ports = [caller.remote?.remote?.port, callee.remote?.remote?.port]
    const key = Buffer.from(callee.remote?.crypto?.key.masterKey ?? [])

    const hold = await relay.offer({
      sessionId,
      from: 'caller',
      sdp: caller.sdp({ direction: 'sendonly' }),
      toward: towardCallee,
    })
    t.equal(audioDirection(hold), 'sendonly')
    callee.accept(hold)
    const held = await relay.answer({
      sessionId,
      from: 'callee',
      sdp: callee.sdp({ direction: 'recvonly' }),
      toward: towardCaller,
    })
    t.equal(audioDirection(held), 'recvonly')
    caller.accept(held)

    const resume = await relay.offer({ sessionId, from: 'callee', sdp: callee.sdp(), toward: towardCaller })
    t.equal(audioDirection(resume), 'sendrecv')
    caller.accept(resume)
    callee.accept(await relay.answer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: towardCallee }))

    t.same([caller.remote?.remote?.port, callee.remote?.remote?.port], ports)
    t.same(Buffer.from(callee.remote?.crypto?.key.masterKey ?? []), key)
    await talk(t as Test, caller, callee)
    t.equal((await relay.totals()).sessions, 1)
    await relay.delete(sessionId)
  })

  t.test('a phone behind NAT is found by its first packet', async (t) => {
    const relay = await subject.relay(t as Test)
    const { caller, callee } = await call(t as Test, relay, { signalled: '127.99.99.99' })
    caller.send(caller.packet())
    await callee.heard(1)
    callee.send(callee.packet())
    await caller.heard(1)
    t.equal(caller.rtp.length, 1)
  })

  t.test(
    'video is refused with port 0 in its place, and optional keys in RTP/AVP are left alone',
    async (t) => {
      const relay = await subject.relay(t as Test)
      const lines = [
        'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj',
        'm=video 5000 RTP/AVP 97',
        'a=rtpmap:97 H264/90000',
      ]
      const { caller, callee, offerText, answerText } = await call(t as Test, relay, { lines })
      t.same(
        parseSdp(offerText).media.map((media) => [media.kind, media.port > 0]),
        [
          ['audio', true],
          ['video', false],
        ],
      )
      t.same(
        parseSdp(answerText).media.map((media) => [media.kind, media.port > 0]),
        [
          ['audio', true],
          ['video', false],
        ],
      )
      t.equal(findAudio(parseSdp(answerText)).secure, false)
      t.notMatch(offerText, 'd0RmdmcmVCspeEc3', 'the key of the phone does not travel')
      await talk(t as Test, caller, callee)
    },
  )

  t.test('ICE, DTLS and foreign hosts do not cross', async (t) => {
    const relay = await subject.relay(t as Test)
    const lines = [
      'a=ice-ufrag:abcd',
      'a=ice-pwd:abcdefghijklmnopqrstuv',
      'a=candidate:1 1 UDP 1 198.51.100.9 4000 typ host',
    ]
    const { offerText } = await call(t as Test, relay, { lines })
    t.notMatch(offerText, /ice-|candidate|198\.51\.100\.9/)
  })

  t.test('rtcp-mux offered by one side is for that side only', async (t) => {
    const relay = await subject.relay(t as Test)
    const { caller, callee, offerText } = await call(t as Test, relay, { mux: true, secure: true })
    t.notMatch(offerText, /rtcp-mux/)
    t.equal(caller.remote?.media.rtcpMux, true)
    await talk(t as Test, caller, callee)
    caller.sendRtcp()
    await callee.heard(5, 1)
    callee.sendRtcp()
    await caller.heard(5, 1)
  })

  t.test(
    'what is not from the peer, or not protected by its key, does not reach the other side',
    async (t) => {
      const relay = await subject.relay(t as Test)
      const { caller, callee } = await call(t as Test, relay, { secure: true })
      const stranger = await MediaPeer.open(t, { secure: true })
      await talk(t as Test, caller, callee)
      caller.send(
        caller.packet({
          text: 'wrong key',
          key: keyFromBytes('AES_CM_128_HMAC_SHA1_80', Buffer.alloc(30, 3)),
        }),
      )
      const forged = caller.packet({ text: 'forged' })
      forged[forged.length - 3]! ^= 4
      caller.send(forged)
      stranger.remote = caller.remote
      stranger.send(stranger.packet({ text: 'stranger' }))
      await talk(t as Test, caller, callee)
      t.equal(callee.rtp.length, 10, 'five and five, and none of the three others')
    },
  )

  t.test('unusable descriptions are refused with their code and leave nothing behind', async (t) => {
    const relay = await subject.relay(t as Test)
    const peer = await MediaPeer.open(t)
    const offer = (sdp: string): Promise<string> =>
      codeOf(
        relay.offer({
          sessionId: `refused-${nextSession++}`,
          from: 'caller',
          sdp,
          toward: toward('RTP/AVP'),
        }),
      )
    t.equal(await offer(''), 'MEDIA_SDP_INVALID')
    t.equal(await offer('v=0\r\nnonsense'), 'MEDIA_SDP_INVALID')
    t.equal(await offer(peer.sdp({ formats: '101' })), 'MEDIA_NO_CODEC')
    t.equal(await offer(peer.sdp().replace('m=audio', 'm=image')), 'MEDIA_SDP_INVALID')
    t.equal(await offer(peer.sdp().replace('RTP/AVP', 'RTP/SAVP')), 'MEDIA_SDP_INVALID')
    t.equal((await relay.totals()).sessions, 0)
    t.equal((await relay.totals()).portsInUse, 0)
    t.equal(await relay.delete('never heard of'), undefined)
    t.equal(await relay.query('never heard of'), undefined)
    t.equal(
      await codeOf(
        relay.answer({
          sessionId: 'never heard of',
          from: 'callee',
          sdp: peer.sdp(),
          toward: toward('RTP/AVP'),
        }),
      ),
      'MEDIA_FAILED',
    )
  })

  t.test('answers that do not fit their offer are refused, and a good one may still follow', async (t) => {
    const relay = await subject.relay(t as Test)
    const sessionId = `late-${nextSession++}`
    const caller = await MediaPeer.open(t)
    const callee = await MediaPeer.open(t, { secure: true })
    callee.accept(
      await relay.offer({ sessionId, from: 'caller', sdp: caller.sdp(), toward: toward('RTP/SAVP') }),
    )
    const answer = (sdp: string) =>
      relay.answer({ sessionId, from: 'callee', sdp, toward: toward('RTP/AVP') })
    t.equal(await codeOf(answer(callee.sdp({ secure: false }))), 'MEDIA_SDP_INVALID')
    t.equal(await codeOf(answer(callee.sdp({ formats: '0' }))), 'MEDIA_NO_CODEC')
    t.equal(await codeOf(answer('v=0\r\n')), 'MEDIA_SDP_INVALID')
    caller.accept(await answer(callee.sdp()))
    await talk(t as Test, caller, callee)
    await relay.delete(sessionId)
    await until(async () => (await relay.totals()).portsInUse === 0)
  })
}
