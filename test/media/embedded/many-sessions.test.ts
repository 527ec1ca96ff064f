import { readdirSync } from 'node:fs'
import t from 'tap'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { createEmbeddedRelay } from '#src/media/embedded/media-control.ts'
import { MemoryLogger } from '#test/support/memory-logger.ts'
import { MediaPeer } from '../media-peer.ts'
import { toward } from '../relay-contract.ts'

const sessions = 2000
const warmUp = 500

t.test(
  `${sessions} sessions, ended amid their first packets, leave no port, descriptor or memory`,
  async (t) => {
    const relay = createEmbeddedRelay({
      portMin: 23_300,
      portMax: 23_699,
      workers: 1,
      clock: systemClock,
      random: systemRandom,
      logger: new MemoryLogger(),
      reuseDelayMs: 0,
    })
    await relay.start()
    t.teardown(() => relay.stop())
    const caller = await MediaPeer.open(t)
    const callee = await MediaPeer.open(t, { secure: true })
    const descriptors = (): number => readdirSync('/proc/self/fd').length
    const descriptorsBefore = descriptors()
    let bytesBefore = 0
    for (let count = 0; count < sessions; count++) {
      const sessionId = `session ${count}`
      const offer = { sessionId, from: 'caller', sdp: caller.sdp(), toward: toward('RTP/SAVP') } as const
      callee.accept(await relay.offer(offer))
      const answer = { sessionId, from: 'callee', sdp: callee.sdp(), toward: toward('RTP/AVP') } as const
      caller.accept(await relay.answer(answer))
      for (const peer of [caller, callee, caller, callee]) peer.send(peer.packet())
      // Some sessions end while their packets are read, some before.
      for (let turn = 0; turn < count % 4; turn++) await new Promise((resolve) => setImmediate(resolve))
      await relay.delete(sessionId)
      for (const peer of [caller, callee]) peer.raw.length = peer.rtp.length = 0
      if (count === warmUp) bytesBefore = process.memoryUsage.rss()
    }
    t.match(await relay.totals(), { sessions: 0, portsInUse: 0, portsTotal: 400 })
    t.equal(descriptors(), descriptorsBefore)
    const grownMb = (process.memoryUsage.rss() - bytesBefore) / 2 ** 20
    t.ok(grownMb < 80, `${grownMb.toFixed(1)} MB more than after ${warmUp}`)
  },
)
