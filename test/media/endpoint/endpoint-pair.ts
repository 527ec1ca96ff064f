import type { Test } from 'tap'
import { silentLogger } from '#src/base/logger.ts'
import { systemClock } from '#src/base/clock.ts'
import { systemRandom } from '#src/base/random.ts'
import { HeardAudio } from '#src/media/endpoint/heard-audio.ts'
import type { EndpointSession } from '#src/media/endpoint/media-endpoint.ts'
import { createMediaEndpoints, type RunningMediaEndpoints } from '#src/media/endpoint/media-endpoints.ts'
import type { RtpProfile } from '#src/media/media-relay.ts'

export const localAddress = '127.0.0.1'

/** Endpoints that are closed, and found without a leak, at the end of the test. */
export function makeEndpoints(t: Test): RunningMediaEndpoints {
  const endpoints = createMediaEndpoints({ clock: systemClock, random: systemRandom, logger: silentLogger })
  t.teardown(() => endpoints.close())
  return endpoints
}

/** Two sessions that have offered and answered, over loopback. */
export async function makePair(
  t: Test,
  profile: RtpProfile,
): Promise<{ caller: EndpointSession; callee: EndpointSession; endpoints: RunningMediaEndpoints }> {
  const endpoints = makeEndpoints(t)
  const caller = await endpoints.offer({ localAddress, profile })
  const callee = await endpoints.answer(caller.localSdp, { localAddress })
  caller.acceptAnswer(callee.localSdp)
  return { caller, callee, endpoints }
}

/** Listens until so many samples with sound were heard, and gives the last second of them. */
export function hear(session: EndpointSession, seconds: number): Promise<HeardAudio> {
  const heard = new HeardAudio(1)
  return new Promise((resolve) => {
    session.onAudio = (pcm) => {
      if (heard.samples === 0 && pcm.every((sample) => Math.abs(sample) <= 8)) return
      heard.add(pcm)
      if (heard.samples < seconds * 8000) return
      session.onAudio = undefined
      resolve(heard)
    }
  })
}

/** Waits for the next frame that is heard. */
export function nextFrame(session: EndpointSession): Promise<void> {
  return new Promise((resolve) => {
    session.onAudio = () => {
      session.onAudio = undefined
      resolve()
    }
  })
}

/** Waits until something is so, looking every few milliseconds; says what never came to be. */
export async function until(condition: () => boolean, withinMs = 30_000): Promise<void> {
  const startMs = systemClock.monotonicMs()
  while (!condition()) {
    if (systemClock.monotonicMs() - startMs > withinMs) throw new Error(`never so: ${condition.toString()}`)
    await systemClock.sleep(5)
  }
}
