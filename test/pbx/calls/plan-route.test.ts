import t from 'tap'
import type { Line } from '#src/model/line.ts'
import type { User } from '#src/model/user.ts'
import type { Caller } from '#src/pbx/calls/identify-caller.ts'
import { planRoute, type RouteFacts } from '#src/pbx/calls/plan-route.ts'
import { someBinding, someLine, someUser } from '#test/store/store-fixture.ts'

const anna = someUser({ id: 'anna', displayName: 'Anna', number: '+493055501001' })
const ben = someUser({ id: 'ben', displayName: 'Ben', number: '+493055501002' })
const otto = someUser({ id: 'otto', displayName: 'Otto', number: undefined })
const guest = someUser({ id: 'guest', displayName: 'Guest', number: '+493055501009' })

const annaDesk = someLine({ id: 'l-anna', username: 'annadesk', label: 'Anna' })
const benDesk = someLine({ id: 'l-ben', username: 'bendesk', label: '202' })
const benDect = someLine({ id: 'l-ben2', username: 'bendect', label: 'DECT' })
const lobby = someLine({ id: 'l-lobby', username: 'lobby', label: '100' })
const lines = [annaDesk, benDesk, benDect, lobby]

function facts(change: Partial<RouteFacts> = {}): RouteFacts {
  const signedIn: Record<string, Line[]> = { anna: [annaDesk], ben: [benDesk, benDect] }
  return {
    country: 'DE',
    emergencyNumbers: ['112', '110', '911'],
    teamsTrunk: true,
    userByNumber: (number) => [anna, ben, guest].find((user) => user.number === number),
    linesOfUser: (id) => signedIn[id] ?? [],
    lineByUsername: (username) => lines.find((line) => line.username === username),
    lineByExtension: (digits) => lines.find((line) => line.label === digits),
    bindingsOf: (line) => [someBinding({ aor: line.username })],
    policyOf: (id) => ({
      scope: id,
      allowSipDevicesCalling: true,
      allowCallRedirect: false,
      busyOnBusy: false,
      emergencyLocationRequired: false,
    }),
    inCall: () => false,
    ...change,
  }
}

function fromLine(line: Line, user: User | undefined): Caller {
  return {
    kind: 'line',
    line,
    user,
    flow: { protocol: 'udp', host: '192.0.2.9', port: 5060 },
    party: { kind: 'line', id: line.id, number: user?.number ?? line.username, displayName: undefined },
  }
}
const fromAnna = fromLine(annaDesk, anna)
const fromLobby = fromLine(lobby, undefined)
const fromTeams: Caller = {
  kind: 'teams',
  user: undefined,
  party: { kind: 'trunk', id: 'teams', number: '+49301', displayName: undefined },
}

/** A plan in one word list: what rings, or why not. */
function plan(caller: Caller, dialled: string, change: Partial<RouteFacts> = {}): string[] {
  const result = planRoute({ caller, dialled }, facts(change))
  if (result.kind === 'refused') return [result.cause]
  if (result.kind === 'feature') return [`feature ${result.call.feature}`]
  return result.targets.map((target) =>
    target.kind === 'teams' ? `teams ${target.number}` : target.line.username,
  )
}

t.test('routes in the order of the mission', async (t) => {
  const table: [string, Caller, string, string[]][] = [
    ['emergency before all', fromAnna, '112', ['CALL_EMERGENCY_NO_TRUNK']],
    ['emergency without sign-in', fromLobby, '911', ['CALL_EMERGENCY_NO_TRUNK']],
    ['feature code', fromAnna, '*30*', ['feature do-not-disturb-on']],
    ['emergency behind a habit of dialling 0', fromLobby, '0112', ['CALL_EMERGENCY_NO_TRUNK']],
    ['emergency by service', fromLobby, 'urn:service:sos', ['CALL_EMERGENCY_NO_TRUNK']],
    ['sign-out without sign-in', fromLobby, '*51*', ['feature sign-out']],
    ['sign-in without sign-in', fromLobby, '*50*', ['feature sign-in']],
    ['enrolment without sign-in', fromLobby, '*55*123456#', ['feature enrol']],
    ['other feature without sign-in', fromLobby, '*30*', ['CALL_SIGN_IN_FIRST']],
    ['half a feature code', fromAnna, '*33*', ['FEATURE_MALFORMED']],
    ['number without sign-in', fromLobby, '+493055501002', ['CALL_SIGN_IN_FIRST']],
    ['user: all phones and Teams', fromAnna, '03055501002', ['bendesk', 'bendect', 'teams +493055501002']],
    ['own number: Teams, not the phone in hand', fromAnna, '+493055501001', ['teams +493055501001']],
    ['line by username', fromAnna, 'lobby', ['lobby']],
    ['line by extension', fromAnna, '202', ['bendesk']],
    ['known user without phone here', fromAnna, '+493055501009', ['teams +493055501009']],
    ['any other number', fromAnna, '+493055502001', ['teams +493055502001']],
    ['neither number nor name', fromAnna, 'nobody', ['CALL_NUMBER_INVALID']],
    ['star without code', fromAnna, '*77*', ['CALL_NUMBER_INVALID']],
    ['from Teams: phones only, never back', fromTeams, '+493055501002', ['bendesk', 'bendect']],
    ['from Teams for a user without phone', fromTeams, '+493055501009', ['CALL_NO_DEVICE']],
    ['from Teams for nobody', fromTeams, '+493055502001', ['CALL_NOT_LOCAL']],
    ['from Teams no feature codes', fromTeams, '*50*', ['CALL_NOT_LOCAL']],
    ['from Teams no emergency', fromTeams, '112', ['CALL_NOT_LOCAL']],
    ['from Teams no extensions', fromTeams, '100', ['CALL_NOT_LOCAL']],
  ]
  t.equal(table.length, 25)
  for (const [name, caller, dialled, expected] of table) t.same(plan(caller, dialled), expected, name)
})

t.test('what is missing is said', async (t) => {
  t.same(plan(fromAnna, '+493055502001', { teamsTrunk: false }), ['CALL_NO_ROUTE'])
  t.same(plan(fromAnna, '+493055501002', { teamsTrunk: false }), ['bendesk', 'bendect'])
  t.same(plan(fromAnna, '+493055501002', { teamsTrunk: false, bindingsOf: () => [] }), ['CALL_NO_DEVICE'])
  t.same(plan(fromAnna, '+493055501002', { bindingsOf: () => [] }), ['teams +493055501002'])
  t.same(plan(fromAnna, 'lobby', { bindingsOf: () => [] }), ['CALL_NO_DEVICE'])
  t.same(plan(fromLine(annaDesk, otto), '+493055502001'), ['CALL_CALLER_WITHOUT_NUMBER'])
  t.same(plan(fromLine(annaDesk, otto), '+493055501002'), ['bendesk', 'bendect'], 'his phones still ring')
})

t.test('the calling policy counts for every call, busy-on-busy for the called user', async (t) => {
  const off = { ...facts().policyOf('anna'), allowSipDevicesCalling: false }
  t.same(plan(fromAnna, '+493055501002', { policyOf: () => off }), ['CALL_NOT_ALLOWED'])
  t.same(plan(fromAnna, '*51*', { policyOf: () => off }), ['feature sign-out'], 'signing out stays possible')
  t.same(plan(fromAnna, '112', { policyOf: () => off }), ['CALL_EMERGENCY_NO_TRUNK'])
  const busy = { ...facts().policyOf('ben'), busyOnBusy: true }
  t.same(plan(fromTeams, '+493055501002', { policyOf: () => busy, inCall: (id) => id === 'ben' }), [
    'CALL_BUSY',
  ])
  t.same(plan(fromTeams, '+493055501002', { policyOf: () => busy }), ['bendesk', 'bendect'])
})
