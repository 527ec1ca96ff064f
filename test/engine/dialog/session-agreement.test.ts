import t from 'tap'
import {
  acceptSession,
  answerSession,
  askSession,
  isTooShort,
  leastIntervalS,
  parseMinSe,
  parseSessionExpires,
} from '#src/engine/dialog/session-agreement.ts'
import { SipHeaders } from '#src/sip/message.ts'

const none = { policy: undefined, current: undefined }

function asked(value: string, more: string[] = ['Supported', 'timer']): SipHeaders {
  return new SipHeaders(['Session-Expires', value, ...more])
}

void t.test('Session-Expires and Min-SE are read, parameters or not (RFC 4028 4, 5)', async (t) => {
  t.same(parseSessionExpires('1800;refresher=UAC'), { intervalS: 1800, refresher: 'uac' })
  t.same(parseSessionExpires(' 90 ;x=y'), { intervalS: 90, refresher: undefined })
  t.equal(parseSessionExpires('soon'), undefined)
  t.equal(parseSessionExpires(undefined), undefined)
  t.equal(parseMinSe('120;lr'), 120)
  t.equal(parseMinSe('-1'), undefined)
})

void t.test('who refreshes: RFC 4028 table 2', async (t) => {
  // Caller's support, its word, our word: the refresher of the answer.
  const table: [boolean, string, string, 'uac' | 'uas'][] = [
    [false, '', '', 'uas'],
    [false, '', ';refresher=uac', 'uas'],
    [true, '', '', 'uac'],
    [true, '', ';refresher=uas', 'uas'],
    [true, ';refresher=uac', ';refresher=uas', 'uac'],
    [true, ';refresher=uas', ';refresher=uac', 'uas'],
  ]
  for (const [supports, theirs, wish, refresher] of table) {
    const answer = answerSession(
      asked(`600${theirs}`, supports ? ['Supported', 'timer'] : []),
      new SipHeaders(['Session-Expires', `600${wish}`]),
      none,
    )
    t.equal(answer?.fields[1], `600;refresher=${refresher}`)
    t.equal(answer?.agreement.refresher, refresher === 'uas' ? 'us' : 'peer')
    t.same(answer?.fields.slice(2), refresher === 'uac' ? ['Require', 'timer'] : [])
  }
  t.equal(table.length, 6)
})

void t.test('how long: never longer than asked, never below Min-SE or 90 s (RFC 4028 9)', async (t) => {
  const wish = (value: string): SipHeaders => new SipHeaders(['Session-Expires', value])
  const intervalOf = (answer: ReturnType<typeof answerSession>): number | undefined =>
    answer?.agreement.intervalS
  t.equal(answerSession(new SipHeaders(), undefined, none), undefined)
  t.equal(intervalOf(answerSession(asked('600'), wish('1200'), none)), 600)
  t.equal(intervalOf(answerSession(asked('1200'), wish('600'), none)), 600)
  t.equal(intervalOf(answerSession(asked('1200', ['Min-SE', '900']), wish('600'), none)), 900)
  t.equal(intervalOf(answerSession(asked('60'), undefined, none)), 90)
  t.equal(intervalOf(answerSession(new SipHeaders(), wish('300'), none)), 300)
  const policy = { minSeS: 90, defaultIntervalS: 1800, defaultRefresher: 'uas' as const }
  t.same(answerSession(new SipHeaders(['Supported', 'timer']), undefined, { policy, current: undefined }), {
    agreement: { intervalS: 1800, refresher: 'us' },
    fields: ['Session-Expires', '1800;refresher=uas'],
  })
  // A re-INVITE that says nothing of timers does not end the one that runs.
  const current = { intervalS: 400, refresher: 'peer' } as const
  t.same(answerSession(new SipHeaders(['Supported', 'timer']), undefined, { policy: undefined, current }), {
    agreement: current,
    fields: ['Session-Expires', '400;refresher=uac', 'Require', 'timer'],
  })
})

void t.test('the answer to us decides: no Session-Expires, no timer (RFC 4028 7.2)', async (t) => {
  t.same(acceptSession(asked('1800;refresher=uas')), { intervalS: 1800, refresher: 'peer' })
  t.same(acceptSession(asked('1800;refresher=uac')), { intervalS: 1800, refresher: 'us' })
  t.same(acceptSession(asked('1800')), { intervalS: 1800, refresher: 'us' })
  t.equal(acceptSession(new SipHeaders()), undefined)
})

void t.test('what we ask for (RFC 4028 7.1, 7.3, 7.4)', async (t) => {
  const ask = (flat: string[], wish: Partial<Parameters<typeof askSession>[1]> = {}): string[] => {
    const headers = new SipHeaders(flat)
    askSession(headers, { ...none, minSeS: 0, ...wish })
    return headers.flat
  }
  const timer = ['Supported', 'timer']
  t.same(ask([]), [], 'nothing without a wish')
  t.same(ask(['Session-Expires', '600;refresher=uas']), ['Session-Expires', '600;refresher=uas', ...timer])
  t.same(
    ask(['Session-Expires', '600;refresher=uas'], { minSeS: 900 }),
    ['Session-Expires', '900;refresher=uas', 'Min-SE', '900', ...timer],
    'after a 422',
  )
  t.same(
    ask(['Supported', '100rel, timer'], { current: { intervalS: 400, refresher: 'us' } }),
    ['Supported', '100rel, timer', 'Session-Expires', '400;refresher=uac'],
    'the agreement in force is kept',
  )
  t.same(ask([], { current: { intervalS: 400, refresher: 'peer' } }), [
    'Session-Expires',
    '400;refresher=uas',
    ...timer,
  ])
  t.same(ask([], { policy: { minSeS: 120, defaultIntervalS: 1800 } }), [
    'Session-Expires',
    '1800',
    'Min-SE',
    '120',
    ...timer,
  ])
})

void t.test('too short is what the sender can be told of (RFC 4028 9)', async (t) => {
  t.equal(isTooShort(asked('89'), 90), true)
  t.equal(isTooShort(asked('90'), 90), false)
  t.equal(isTooShort(asked('60', []), 90), false)
  t.equal(isTooShort(asked('60', ['Require', 'timer']), 90), true)
  t.equal(leastIntervalS(undefined), 90)
  t.equal(leastIntervalS({ minSeS: 60 }), 90)
  t.equal(leastIntervalS({ minSeS: 300 }), 300)
})
