import type { Baresip } from '#test/peers/baresip.ts'
import { heardTone, type HeardTone } from '#test/peers/audio.ts'
import type { Box } from '#test/support/box.ts'
import { labNumbers, type Lab, type LabCall } from '#test/support/lab.ts'
import { until, type OfficeLine } from './office.ts'

/** The office that the calls run in: three phones, two signed-in people. */
export interface Office {
  box: Box
  lab: Lab
  anna: Baresip
  ben: Baresip
  /** A second phone of Ben's, over TLS with SRTP. */
  benSecure: Baresip
  lines: { anna: OfficeLine; ben: OfficeLine; benSecure: OfficeLine }
}

export const tones = { anna: 440, ben: 620, benSecure: 880, teams: 1000 } as const
const allTones = Object.values(tones)
/** What each source sends: the phones' WAV files, and the lab's tone of -13 dBm0 (0 dBm0 is 3.17 dB below full scale). */
const sentDbfs = (hz: number): number => (hz === tones.teams ? -16.2 : -12)

/** One side's audio as the other side heard it. */
export interface Direction {
  name: string
  expectedHz: number
  heard: HeardTone | undefined
}

/** What a run printed and whether all of it held. */
export interface RunResult {
  name: string
  problems: string[]
  directions: Direction[]
  notes: string[]
}

export interface Run {
  name: string
  /** True when a leg goes to Teams: then the witness on the wire is asked as well. */
  teamsMedia: boolean
  go(office: Office, result: RunResult): Promise<void>
}

const talkMs = 3000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function hear(result: RunResult, name: string, phone: Baresip, expectedHz: number): void {
  const heard = heardTone(phone.heard(), allTones)
  result.directions.push({ name, expectedHz, heard })
  if (!heard || heard.hz !== expectedHz) result.problems.push(`${name}: ${expectedHz} Hz was not heard`)
  else {
    if (Math.abs(heard.levelDbfs - sentDbfs(expectedHz)) > 1)
      result.problems.push(`${name}: level ${heard.levelDbfs.toFixed(1)} dBFS`)
    if (heard.continuity < 0.99)
      result.problems.push(`${name}: ${percent(1 - heard.continuity)} of the tone is missing`)
    if (heard.seconds < talkMs / 1000 - 0.7)
      result.problems.push(`${name}: only ${heard.seconds.toFixed(1)} s of tone`)
  }
}

/** Share of a whole as text. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

function hearAtTeams(result: RunResult, name: string, call: LabCall, expectedHz: number): void {
  const { media } = call
  result.notes.push(
    `Teams counted ${media.receivedPackets} packets, ${media.lostPackets} lost, SRTP only: ${media.allSrtp}`,
  )
  const heardHz = media.heardToneHz ?? 0
  result.directions.push({
    name,
    expectedHz,
    heard: {
      hz: heardHz,
      levelDbfs: media.heardToneDb ?? -Infinity,
      restDb: 0,
      continuity: 1 - media.lostPackets / Math.max(1, media.receivedPackets + media.lostPackets),
      seconds: media.receivedPackets * 0.02,
    },
  })
  if (Math.abs(heardHz - expectedHz) > 15)
    result.problems.push(`${name}: Teams heard ${heardHz} Hz, not ${expectedHz}`)
  if (!media.allSrtp) result.problems.push('Teams received something that is not SRTP')
  if (media.lostPackets > media.receivedPackets * 0.01)
    result.problems.push(`${media.lostPackets} packets lost`)
}

async function labCall(office: Office, wanted: (call: LabCall) => boolean): Promise<LabCall> {
  return until('the lab knows the call', 30_000, async () => (await office.lab.calls()).find(wanted))
}

async function settle(office: Office): Promise<void> {
  await until('every call is over', 30_000, async () =>
    (await office.box.json<{ calls: unknown[] }>('/api/calls/live')).calls.length === 0 ? true : undefined,
  )
}

async function lastLogged(
  office: Office,
): Promise<{ cause: string; sipStatus: number; explanation: string }> {
  const page = await office.box.json<{ calls: { cause: string; sipStatus: number; explanation: string }[] }>(
    '/api/calls?limit=1',
  )
  const call = page.calls[0]
  if (!call) throw new Error('the call log is empty')
  return call
}

async function expectLogged(office: Office, result: RunResult, cause: RegExp): Promise<void> {
  const call = await lastLogged(office)
  result.notes.push(`log: ${call.cause} (${call.sipStatus}): ${call.explanation}`)
  if (!cause.test(call.cause)) result.problems.push(`the log says ${call.cause}`)
}

/** The calls of the first slice, in the order of the issue. */
export const runs: Run[] = [
  {
    name: 'phone -> Teams',
    teamsMedia: true,
    async go(office, result) {
      const { anna, lab } = office
      await lab.setBehaviour(labNumbers.carla, {
        answer: 'afterMs',
        afterMs: 300,
        audio: 'tone',
        toneHz: tones.teams,
      })
      const mark = anna.events.length
      await anna.dial(labNumbers.carla)
      await anna.waitFor('CALL_ESTABLISHED', 30_000, mark)
      await pause(talkMs)
      const call = await labCall(office, ({ to, state }) => to === labNumbers.carla && state === 'answered')
      await anna.command('hangup')
      await settle(office)
      hear(result, 'Teams to phone', anna, tones.teams)
      hearAtTeams(result, 'phone to Teams', call, tones.anna)
      await expectLogged(office, result, /^CALL_ENDED_BY_/)
    },
  },
  {
    name: 'Teams -> phone',
    teamsMedia: true,
    async go(office, result) {
      const { anna, lab } = office
      await lab.setBehaviour(labNumbers.carla, {
        answer: 'afterMs',
        afterMs: 300,
        audio: 'tone',
        toneHz: tones.teams,
      })
      const mark = anna.events.length
      const { callId } = await lab.placeCall(labNumbers.carla, labNumbers.anna)
      await anna.waitFor('CALL_INCOMING', 30_000, mark)
      await anna.command('accept')
      await anna.waitFor('CALL_ESTABLISHED', 30_000, mark)
      await pause(talkMs)
      const call = await labCall(office, (one) => one.callId === callId)
      await lab.hangUp(callId)
      await anna.waitFor('CALL_CLOSED', 30_000, mark)
      await settle(office)
      hear(result, 'Teams to phone', anna, tones.teams)
      hearAtTeams(result, 'phone to Teams', call, tones.anna)
      await expectLogged(office, result, /^CALL_ENDED_BY_/)
    },
  },
  {
    name: 'phone -> phone',
    teamsMedia: false,
    async go(office, result) {
      const { anna, ben, benSecure, lab } = office
      await lab.setBehaviour(labNumbers.ben, { answer: 'never' })
      const marks = [anna.events.length, ben.events.length, benSecure.events.length] as const
      await anna.dial(labNumbers.ben)
      await benSecure.waitFor('CALL_INCOMING', 30_000, marks[2])
      await ben.waitFor('CALL_INCOMING', 30_000, marks[1])
      await ben.command('accept')
      await ben.waitFor('CALL_ESTABLISHED', 30_000, marks[1])
      await benSecure.waitFor('CALL_CLOSED', 30_000, marks[2])
      await pause(talkMs)
      await anna.command('hangup')
      await settle(office)
      hear(result, 'callee to caller', anna, tones.ben)
      hear(result, 'caller to callee', ben, tones.anna)
      await expectLogged(office, result, /^CALL_ENDED_BY_/)
    },
  },
  {
    name: 'fork: the phone (TLS, SRTP) answers, Teams stops ringing',
    teamsMedia: false,
    async go(office, result) {
      const { anna, benSecure, lab } = office
      await lab.setBehaviour(labNumbers.ben, { answer: 'never' })
      const marks = [anna.events.length, benSecure.events.length] as const
      await anna.dial(labNumbers.ben)
      await benSecure.waitFor('CALL_INCOMING', 30_000, marks[1])
      await labCall(office, ({ to, state }) => to === labNumbers.ben && state === 'ringing')
      await benSecure.command('accept')
      await anna.waitFor('CALL_ESTABLISHED', 30_000, marks[0])
      await pause(talkMs)
      const lost = await labCall(office, ({ to, state }) => to === labNumbers.ben && state === 'ended')
      result.notes.push(`Teams leg ended with ${lost.sipStatus}, Reason: ${lost.reason}`)
      if (!/completed elsewhere/i.test(lost.reason ?? ''))
        result.problems.push('Teams was not told that the call was answered elsewhere')
      await benSecure.command('hangup')
      await settle(office)
      hear(result, 'callee to caller', anna, tones.benSecure)
      hear(result, 'caller to callee', benSecure, tones.anna)
    },
  },
  {
    name: 'fork: Teams answers, the phones stop ringing',
    teamsMedia: true,
    async go(office, result) {
      const { anna, ben, benSecure, lab } = office
      await lab.setBehaviour(labNumbers.ben, {
        answer: 'afterMs',
        afterMs: 1500,
        audio: 'tone',
        toneHz: tones.teams,
      })
      const marks = [anna.events.length, ben.events.length, benSecure.events.length] as const
      await anna.dial(labNumbers.ben)
      await ben.waitFor('CALL_INCOMING', 30_000, marks[1])
      await anna.waitFor('CALL_ESTABLISHED', 30_000, marks[0])
      await ben.waitFor('CALL_CLOSED', 30_000, marks[1])
      await benSecure.waitFor('CALL_CLOSED', 30_000, marks[2])
      await pause(talkMs)
      const call = await labCall(office, ({ to, state }) => to === labNumbers.ben && state === 'answered')
      await anna.command('hangup')
      await settle(office)
      hear(result, 'Teams to caller', anna, tones.teams)
      hearAtTeams(result, 'caller to Teams', call, tones.anna)
    },
  },
  {
    name: 'busy',
    teamsMedia: false,
    async go(office, result) {
      const { anna } = office
      const mark = anna.events.length
      await anna.dial(labNumbers.busy)
      const closed = await anna.waitFor('CALL_CLOSED', 30_000, mark)
      result.notes.push(`the phone was told: ${closed.param}`)
      if (!/486|busy/i.test(closed.param))
        result.problems.push('the phone was not told that the line is busy')
      await settle(office)
      await expectLogged(office, result, /^CALL_BUSY$/)
    },
  },
  {
    name: 'no answer',
    teamsMedia: false,
    async go(office, result) {
      const { anna } = office
      const mark = anna.events.length
      await anna.dial(labNumbers.neverAnswers)
      await anna.waitFor('CALL_RINGING', 30_000, mark)
      const closed = await anna.waitFor('CALL_CLOSED', 30_000, mark)
      result.notes.push(`the phone was told: ${closed.param}`)
      await settle(office)
      await expectLogged(office, result, /^CALL_NO_ANSWER$/)
    },
  },
  {
    name: 'cancel',
    teamsMedia: false,
    async go(office, result) {
      const { anna } = office
      const mark = anna.events.length
      await anna.dial(labNumbers.neverAnswers)
      await anna.waitFor('CALL_RINGING', 30_000, mark)
      await labCall(office, ({ to, state }) => to === labNumbers.neverAnswers && state === 'ringing')
      await anna.command('hangup')
      await settle(office)
      const call = await labCall(
        office,
        ({ to, state }) => to === labNumbers.neverAnswers && state === 'ended',
      )
      result.notes.push(`Teams leg ended with ${call.sipStatus}`)
      if (call.sipStatus !== 487) result.problems.push('the call at Teams was not cancelled')
      await expectLogged(office, result, /^CALL_CANCELLED$/)
    },
  },
]
