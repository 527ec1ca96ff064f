import t, { type Test } from 'tap'
import { prompt, spell } from '#src/media/endpoint/prompts.ts'
import { heardTone } from '#test/peers/audio.ts'
import type { Baresip } from '#test/peers/baresip.ts'
import { findSpeech } from '#test/peers/speech.ts'
import { Box } from '#test/support/box.ts'
import { Lab, labNumbers, type LabCall } from '#test/support/lab.ts'
import { addPhone, allowSipDevices, plugIn, signIn, until, type OfficeLine } from './office.ts'

// The first calls of an office on the lab tenant, in short; `npm run show:calls` shows all of them at length.

const tones = { anna: 440, ben: 620, teams: 1000 }
const box = await Box.prepare({ lab: true })
t.teardown(async () => {
  await box.stop()
  box.remove()
})
await box.start()
await box.logIn()
await allowSipDevices(box)
const lab = await Lab.of(box)
await forbidSipDevices('Nora Neumann')
const lines = await Promise.all(['Anna', 'Ben', 'Carla', 'Nora'].map((label) => addPhone(box, label)))
const [annaLine, benLine, carlaLine, noraLine] = lines as [OfficeLine, OfficeLine, OfficeLine, OfficeLine]
const [anna, ben, carla, nora] = await Promise.all([
  plugIn(box, annaLine, { toneHz: tones.anna }),
  plugIn(box, benLine, { toneHz: tones.ben, transport: 'tcp' }),
  plugIn(box, carlaLine, { toneHz: 700 }),
  plugIn(box, noraLine, { toneHz: 800 }),
])
t.teardown(() => Promise.all([anna, ben, carla, nora].map((phone) => phone.stop())))

interface Logged {
  dialled: string
  cause: string
  sipStatus: number
  explanation: string
}

/** The log's entry of the last call to this number that ended as expected. */
function logged(dialled: string, cause: string): Promise<Logged> {
  return until(`${dialled} is logged as ${cause}`, 30_000, async () => {
    const { calls } = await box.json<{ calls: Logged[] }>('/api/calls?limit=20')
    return calls.find((call) => call.dialled === dialled && call.cause === cause)
  })
}

interface SignInStatus {
  state: string
  userCode?: string
  code?: string
  text?: string
}

const signInStatus = (line: OfficeLine): Promise<SignInStatus> => box.json(`/api/lines/${line.lineId}/signin`)

/** Takes one person out of what everybody may do. */
async function forbidSipDevices(name: string): Promise<void> {
  const { people } = await box.json<{ people: { id: string; displayName: string }[] }>('/api/lab')
  const id = people.find(({ displayName }) => displayName === name)?.id
  const policy = {
    allowSipDevicesCalling: false,
    allowCallRedirect: false,
    busyOnBusy: false,
    emergencyLocationRequired: false,
  }
  await box.json(`/api/people/${id}/policy`, { method: 'PUT', body: policy })
}

/** Dials `*50*` and enters the code as this person; the phone goes on listening. */
async function dialSignIn(phone: Baresip, line: OfficeLine, person: string): Promise<string> {
  await phone.dial('*50*')
  await phone.waitFor('CALL_ESTABLISHED')
  const { userCode = '' } = await until('the sign-in waits for its code', 30_000, async () => {
    const status = await signInStatus(line)
    return status.state === 'awaitingUser' ? status : undefined
  })
  await lab.approve(userCode, person)
  return userCode
}

const talk = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1500))

function hears(t: Test, name: string, phone: Baresip, hz: number, least = 0.97): void {
  const heard = heardTone(phone.heard(), Object.values(tones))
  t.match(heard, { hz }, `${name} hears ${hz} Hz`)
  t.ok((heard?.continuity ?? 0) > least, `without holes: ${heard?.continuity}`)
}

function labCall(wanted: (call: LabCall) => boolean): Promise<LabCall> {
  return until('the lab knows the call', 30_000, async () => (await lab.calls()).find(wanted))
}

let carlaCode = ''

t.test('a line that nobody signed in on: 403, and *50* reads out a code', async (t) => {
  await carla.dial(labNumbers.echo)
  t.match((await carla.waitFor('CALL_CLOSED')).param, /403 Sign in first/)
  t.match((await logged(labNumbers.echo, 'CALL_SIGN_IN_FIRST')).sipStatus, 403)

  carlaCode = await dialSignIn(carla, carlaLine, 'carla')
  await dialSignIn(nora, noraLine, 'nora')
  await Promise.all([signIn(box, lab, annaLine, 'anna'), signIn(box, lab, benLine, 'ben')])
  const refused = await until('the sign-in of Nora is refused', 30_000, async () => {
    const status = await signInStatus(noraLine)
    return status.state === 'failed' ? status : undefined
  })
  t.match(refused, {
    code: 'SIGN_IN_NOT_ALLOWED',
    text: /^Nora Neumann is not allowed to call from SIP phones/,
  })
})

t.test('phone to Teams: the echo comes back through SRTP', async (t) => {
  const mark = anna.events.length
  await anna.dial(labNumbers.echo)
  await anna.waitFor('CALL_ESTABLISHED', 30_000, mark)
  await talk()
  const { media } = await labCall(({ to, state }) => to === labNumbers.echo && state === 'answered')
  t.equal(media.lostPackets, 0)
  t.ok(
    media.allSrtp && media.receivedPackets > 50,
    `${media.receivedPackets} packets, all SRTP: ${media.allSrtp}`,
  )
  await anna.command('hangup')
  await logged(labNumbers.echo, 'CALL_ENDED_BY_CALLER')
  // An echo has no buffer against a busy machine: what came late is missing. The other calls are judged strictly.
  hears(t, 'Anna', anna, tones.anna, 0.5)
})

t.test('Teams to phone', async (t) => {
  const mark = anna.events.length
  await lab.setBehaviour(labNumbers.carla, {
    answer: 'afterMs',
    afterMs: 0,
    audio: 'tone',
    toneHz: tones.teams,
  })
  const { callId } = await lab.placeCall(labNumbers.carla, labNumbers.anna)
  await anna.waitFor('CALL_INCOMING', 30_000, mark)
  await anna.command('accept')
  await anna.waitFor('CALL_ESTABLISHED', 30_000, mark)
  await talk()
  const { media } = await labCall((call) => call.callId === callId)
  t.ok(Math.abs((media.heardToneHz ?? 0) - tones.anna) < 15, `Teams hears ${media.heardToneHz} Hz`)
  t.equal(media.allSrtp, true)
  await lab.hangUp(callId)
  await anna.waitFor('CALL_CLOSED', 30_000, mark)
  await logged(labNumbers.anna, 'CALL_ENDED_BY_CALLER')
  hears(t, 'Anna', anna, tones.teams)
})

t.test('a number rings phone and Teams at once: the phone answers, Teams stops', async (t) => {
  const marks = [anna.events.length, ben.events.length] as const
  await anna.dial(labNumbers.ben)
  await ben.waitFor('CALL_INCOMING', 30_000, marks[1])
  await labCall(({ to, state }) => to === labNumbers.ben && state === 'ringing')
  await ben.command('accept')
  await anna.waitFor('CALL_ESTABLISHED', 30_000, marks[0])
  await talk()
  const lost = await labCall(({ to, state }) => to === labNumbers.ben && state === 'ended')
  t.match(lost.reason, /completed elsewhere/i)
  await ben.command('hangup')
  await anna.waitFor('CALL_CLOSED', 30_000, marks[0])
  await logged(labNumbers.ben, 'CALL_ENDED_BY_CALLEE')
  hears(t, 'Anna', anna, tones.ben)
  hears(t, 'Ben', ben, tones.anna)
})

t.test('the phones hear how their sign-in went', async (t) => {
  await Promise.all(
    [carla, nora].map((phone, index) => phone.waitFor('CALL_CLOSED', 40_000, index === 0 ? 3 : 0)),
  )
  const done = await logged('*50*', 'FEATURE_DONE')
  t.equal(done.explanation, 'Carla Conrad signed in.')
  const refused = await logged('*50*', 'FEATURE_FAILED')
  t.match(refused.explanation, /not allowed to call from SIP phones/)

  const heard = carla.heard()
  let at: number | undefined = findSpeech(heard, prompt('sign-in-open'))
  t.ok(at, 'what to do')
  for (const [index, character] of [...carlaCode].entries()) {
    // The first character comes when the phrase is over, the others one by one.
    at = findSpeech(heard, spell(character), at, (at ?? 0) + (index === 0 ? 8 : 3) * heard.rateHz)
    t.ok(at, `“${character}” of ${carlaCode}`)
  }
  t.ok(findSpeech(heard, prompt('signed-in'), at), 'signed in')
  t.notOk(findSpeech(heard, prompt('sign-in-not-allowed')), 'and nothing else')
  t.ok(findSpeech(nora.heard(), prompt('sign-in-not-allowed')), 'Nora hears that it is not allowed')
  t.equal((await signInStatus(carlaLine)).state, 'signedIn')
})

t.test('*51* signs out, and the number is out of reach again', async (t) => {
  const mark = carla.events.length
  await carla.dial('*51*')
  await carla.waitFor('CALL_ESTABLISHED', 30_000, mark)
  await carla.waitFor('CALL_CLOSED', 30_000, mark)
  t.ok(findSpeech(carla.heard(), prompt('signed-out')), 'the phone says so')
  t.equal((await logged('*51*', 'FEATURE_DONE')).explanation, 'The line was signed out.')
  t.equal((await signInStatus(carlaLine)).state, 'none')
  const refused = carla.events.length
  await carla.dial(labNumbers.echo)
  t.match((await carla.waitFor('CALL_CLOSED', 30_000, refused)).param, /403/)
  const now = await box.json<Record<string, number>>('/api/counters')
  t.match(now, {
    'media.sessions': 0,
    'calls.live': 0,
    'calls.handlerFailed': 0,
  })
})
