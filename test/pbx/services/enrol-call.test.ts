import t, { type Test } from 'tap'
import { prompt } from '#src/media/endpoint/prompts.ts'
import type { PromptName } from '#src/pbx/options.ts'
import type { EnrolmentPort, EnrolmentRefusal, EnrolmentResult } from '#src/pbx/ports.ts'
import { withoutSecrets } from '#src/pbx/services/parse-feature-code.ts'
import { signInOn, startOffice, type TestOffice } from '#test/pbx/support/test-office.ts'
import type { WirePhone } from '#test/pbx/support/wire-phone.ts'

interface Talk {
  office: TestOffice
  phone: WirePhone
  said: string[]
  enrolled: string[]
  answer: (result: () => EnrolmentResult) => void
}

/** An office whose enrolment answers as the test says; phrases are cut to a tenth of a second. */
async function enrollingOffice(t: Test): Promise<Talk> {
  const said: string[] = []
  const enrolled: string[] = []
  let result = (): EnrolmentResult => ({
    kind: 'enrolled',
    label: 'Lobby',
    location: 'x',
    text: 'It was enrolled.',
  })
  const enrolment: EnrolmentPort = {
    enrol(lineId, code) {
      enrolled.push(`${lineId} ${code}`)
      return result()
    },
  }
  const office = await startOffice(t, {
    pbx: {
      enrolment,
      prompts: {
        prompt(name: PromptName) {
          said.push(name)
          return prompt('goodbye').subarray(0, 800)
        },
        spell: () => prompt('goodbye').subarray(0, 800),
      },
    },
  })
  const phone = await office.phone('lobby')
  await phone.register()
  return { office, phone, said, enrolled, answer: (next) => (result = next) }
}

async function dial({ office, phone }: Talk, text: string): Promise<unknown> {
  const record = office.nextRecord()
  const from = phone.heard.length
  const call = await phone.call(text)
  const answer = await call.answered()
  if (answer.status === 200) phone.respond(await phone.request('BYE', from), 200)
  return record
}

t.test('*55* enrols the device of the line it is dialled on, whoever is signed in', async (t) => {
  const talk = await enrollingOffice(t)
  const expected = { cause: 'FEATURE_DONE', sipStatus: 200, dialled: '*55*', explanation: 'It was enrolled.' }
  t.match(await dial(talk, '*55*12345678'), expected)
  t.match(await dial(talk, '*55*12345678%23'), expected, 'with the # that some phones send')
  signInOn(talk.office.store, 'l-lobby', { name: 'Anna', number: '+493055501001' })
  t.match(await dial(talk, '*55*12345678'), expected)
  t.same(talk.said, ['enrolled', 'enrolled', 'enrolled'])
  t.same(talk.enrolled, ['l-lobby 12345678', 'l-lobby 12345678', 'l-lobby 12345678'])
  await talk.office.expectNoLeak(t)
})

t.test('each refusal is spoken, and stands in the call log', async (t) => {
  const talk = await enrollingOffice(t)
  const table: [EnrolmentRefusal, PromptName][] = [
    ['wrong-code', 'enrol-wrong-code'],
    ['other-device', 'enrol-wrong-code'],
    ['expired', 'enrol-expired'],
    ['used', 'enrol-used'],
    ['no-address', 'enrol-no-address'],
    ['too-many-tries', 'enrol-later'],
  ]
  for (const [why, phrase] of table) {
    talk.answer(() => ({ kind: 'refused', why, text: `because of ${why}` }))
    t.match(await dial(talk, '*55*12345678'), { cause: 'FEATURE_FAILED', explanation: `because of ${why}` })
    t.equal(talk.said.at(-1), phrase)
  }
  talk.answer(() => {
    throw new Error('disk full')
  })
  t.match(await dial(talk, '*55*12345678'), {
    cause: 'FEATURE_FAILED',
    explanation: 'The enrolment failed: disk full',
  })
  t.equal(talk.said.at(-1), 'enrol-failed')
  await talk.office.expectNoLeak(t)
})

t.test('a code that is none is refused before anybody looks at it', async (t) => {
  const talk = await enrollingOffice(t)
  for (const dialled of ['*55*', '*55*123', '*55*1234567890123', '*55*12ab5678']) {
    t.match(await dial(talk, dialled), { cause: 'FEATURE_MALFORMED', sipStatus: 484, dialled: '*55*' })
  }
  t.same(talk.enrolled, [])
})

t.test('the code stands in no log and on no page', async (t) => {
  const talk = await enrollingOffice(t)
  const live: unknown[] = []
  talk.office.pbx.on('callStarted', (call) => live.push(call))
  talk.office.pbx.on('callChanged', (call) => live.push(call))
  await dial(talk, '*55*12345678')
  await talk.office.logged(1)
  const written = talk.office.logger.lines.filter(({ level }) => level !== 'debug')
  t.ok(live.length >= 2)
  t.notMatch(JSON.stringify([written, live, talk.office.store.callLog.list({ limit: 9 })]), '12345678')
  t.equal(withoutSecrets('*55*12345678#'), '*55*')
  t.equal(withoutSecrets('*33*030123456'), '*33*030123456')
  t.equal(withoutSecrets('+4930123'), '+4930123')
})
