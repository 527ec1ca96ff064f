import { prompt } from '#src/media/endpoint/prompts.ts'
import { heardTone } from '#test/peers/audio.ts'
import type { Baresip } from '#test/peers/baresip.ts'
import { findSpeech } from '#test/peers/speech.ts'
import { labNumbers, type Lab } from '#test/support/lab.ts'
import { until } from '#test/scenario/office.ts'
import { expect } from './checks.ts'

/** A machine in software takes its time for everything. */
const setupLimitMs = 60_000
const talkMs = 6000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What the phones send, and what the lab's tone of -13 dBm0 is. */
const sentDbfs = { phone: -12, lab: -16.2 }

/**
 * What a phone must have heard of a tone, in words; throws when it did not. Emulated, a machine that others use as well
 * has no real time to give: holes are its own, and only a tone that is half missing says anything about the box. How
 * little of it may be missing on a machine of its own, `npm run show:calls` says.
 */
function judgeTone(
  who: string,
  phone: Baresip,
  tone: { hz: number; dbfs: number; others: number[] },
): string {
  const heard = heardTone(phone.heard(), [tone.hz, ...tone.others])
  if (!heard) throw new Error(`${who} heard nothing`)
  const { hz, levelDbfs, continuity, seconds } = heard
  const missing = ((1 - continuity) * 100).toFixed(1)
  const text = `${who} heard ${hz} Hz at ${levelDbfs.toFixed(1)} dBFS for ${seconds.toFixed(1)} s, ${missing} % missing`
  expect(hz === tone.hz, `${text}; ${tone.hz} Hz was sent`)
  expect(Math.abs(levelDbfs - tone.dbfs) < 8, `${text}; ${tone.dbfs} dBFS were sent`)
  expect(continuity > 0.5 && seconds > 1.5, text)
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

/** Calls somebody at the lab's Teams: through the relay as SRTP, a tone each way, both listened to. */
export async function callTeams(phone: Baresip, hz: number, lab: Lab): Promise<string> {
  const teamsHz = 1000
  await lab.setBehaviour(labNumbers.carla, {
    answer: 'afterMs',
    afterMs: 300,
    audio: 'tone',
    toneHz: teamsHz,
  })
  const mark = phone.events.length
  await phone.dial(labNumbers.carla)
  await phone.waitFor('CALL_ESTABLISHED', setupLimitMs, mark)
  await pause(talkMs)
  const call = await until('the lab knows the call', setupLimitMs, async () =>
    (await lab.calls()).find(({ to, state }) => to === labNumbers.carla && state === 'answered'),
  )
  await phone.command('hangup')
  await phone.waitFor('CALL_CLOSED', setupLimitMs, mark)
  const { heardToneHz = 0, allSrtp, receivedPackets, lostPackets } = call.media
  const atTeams = `Teams heard ${Math.round(heardToneHz)} Hz in ${receivedPackets} packets, ${lostPackets} lost, all SRTP: ${allSrtp}`
  expect(Math.abs(heardToneHz - hz) < 15 && allSrtp && receivedPackets > 50, atTeams)
  return `${judgeTone('the phone', phone, { hz: teamsHz, dbfs: sentDbfs.lab, others: [hz] })}\n${atTeams}`
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
  const dbfs = sentDbfs.phone
  return [
    judgeTone('the caller', from.phone, { hz: to.hz, dbfs, others: [from.hz] }),
    judgeTone('the callee', to.phone, { hz: from.hz, dbfs, others: [to.hz] }),
  ].join('\n')
}
