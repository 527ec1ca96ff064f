import t from 'tap'
import { featureCodes, parseFeatureCode } from '#src/pbx/services/parse-feature-code.ts'

t.test('the whole table is read, with and without the trailing #', async (t) => {
  const table: [string, string, string | undefined][] = [
    ['*30*', 'do-not-disturb-on', undefined],
    ['*31*', 'presence-reset', undefined],
    ['*32*', 'forward-reset', undefined],
    ['*33*030123456', 'forward-always', '030123456'],
    ['*34*+4930123', 'forward-on-timeout', '+4930123'],
    ['*36*1234', 'forward-on-busy', '1234'],
    ['*35*0301', 'simultaneous-ring', '0301'],
    ['*50*', 'sign-in', undefined],
    ['*51*', 'sign-out', undefined],
    ['*55*123456', 'enrol', '123456'],
    ['*99*', 'voicemail', undefined],
  ]
  t.equal(table.length, featureCodes.length, 'every code of the table is tested')
  for (const [dialled, feature, argument] of table) {
    const expected = { feature, argument, code: dialled.slice(0, 4) }
    t.same(parseFeatureCode(dialled), expected, dialled)
    t.same(parseFeatureCode(`${dialled}#`), expected, `${dialled}#`)
  }
})

t.test('what is no feature code is left to routing, what is half of one is refused', async (t) => {
  for (const other of ['030123', '*5', '*52*', '50', '#50#', '', '**50*']) {
    t.equal(parseFeatureCode(other), undefined, other)
  }
  for (const bad of ['*33*', '*33*#', '*33*abc', '*50*1', '*55*', '*55*12', '*55*12x456', '*33*030123##']) {
    t.equal(parseFeatureCode(bad), 'malformed', bad)
  }
})
