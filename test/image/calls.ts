import { prompt } from '#src/media/endpoint/prompts.ts'
import { heardTone } from '#test/peers/audio.ts'
import type { Baresip } from '#test/peers/baresip.ts'
import { findSpeech } from '#test/peers/speech.ts'
import { labNumbers } from '#test/support/lab.ts'
import { until } from '#test/scenario/office.ts'
import { expect } from './checks.ts'

/** A machine in software takes its time for everything. */
const setupLimitMs = 40_000
const talkMs = 5000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What a phone must have heard of a tone, in words; throws when it did not. */
function judgeTone(who: string, phone: Baresip, hz: number, others: number[], least: number): string {
  const heard = heardTone(phone.heard(), [hz, ...others])
  expect(heard !== undefined, `${who} heard nothing`)
  const { hz: strongest, levelDbfs, continuity, seconds } = heard as NonNullable<typeof heard>
  const text = `${who} heard ${strongest} Hz at ${levelDbfs.toFixed(1)} dBFS for ${seconds.toFixed(1)} s, ${((1 - continuity) * 100).toFixed(1)} % missing`
  expect(strongest === hz, `${text}; ${hz} Hz was sent`)
  expect(Math.abs(levelDbfs + 12) < 3, `${text}; -12 dBFS were sent`)
  expect(continuity > least && seconds > (talkMs / 1000) * 0.6, text)
  return text
}

/** Dials *50* and listens: the box itself speaks, so nobody needs to be signed in. */
export async function hearSignIn(phone: Baresip): Promise<string> {
  const mark = phone.events.length
  await phone.dial('*50*')
  await phone.waitFor('CALL_ESTABLISHED', setupLimitMs, mark)
  await pause(talkMs + 3000)
  await phone.command('hangup')
  await phone.waitFor('CALL_CLOSED', setupLimitMs, mark)
  return until('the recording is complete', 5000, () => {
    const at = findSpeech(phone.heard(), prompt('sign-in-open'))
    return at === undefined
      ? undefined
      : `the phone heard the box say what to do, ${(at / 8000).toFixed(1)} s into the call`
  })
}

/** Calls the lab's echo: out through the relay as SRTP to the lab's Teams, and back. */
export async function callEcho(phone: Baresip, hz: number): Promise<string> {
  const mark = phone.events.length
  await phone.dial(labNumbers.echo)
  await phone.waitFor('CALL_ESTABLISHED', setupLimitMs, mark)
  await pause(talkMs)
  await phone.command('hangup')
  await phone.waitFor('CALL_CLOSED', setupLimitMs, mark)
  // An echo has no buffer against a busy machine: what came late is missing.
  return judgeTone('the caller', phone, hz, [], 0.5)
}

/** One phone calls the other's person; both speak, both are listened to. */
export async function callEachOther(
  from: { phone: Baresip; hz: number },
  to: { phone: Baresip; hz: number; number: string },
): Promise<string> {
  const marks = [from.phone.events.length, to.phone.events.length] as const
  await from.phone.dial(to.number)
  await to.phone.waitFor('CALL_INCOMING', setupLimitMs, marks[1])
  await to.phone.command('accept')
  await to.phone.waitFor('CALL_ESTABLISHED', setupLimitMs, marks[1])
  await from.phone.waitFor('CALL_ESTABLISHED', setupLimitMs, marks[0])
  await pause(talkMs)
  await from.phone.command('hangup')
  await to.phone.waitFor('CALL_CLOSED', setupLimitMs, marks[1])
  await from.phone.waitFor('CALL_CLOSED', setupLimitMs, marks[0])
  return [
    judgeTone('the caller', from.phone, to.hz, [from.hz], 0.8),
    judgeTone('the callee', to.phone, from.hz, [to.hz], 0.8),
  ].join('\n')
}
