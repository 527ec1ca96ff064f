import t from 'tap'
import { sourceFiles } from '#test/house/source-files.ts'
import { auditWords } from '../../web/src/settings/audit-words.ts'

// What the box writes into its audit log, wherever it does: `action: 'x.y'`, `audit('x.y'`, `#audit(actor, 'x.y'`.
const written = /(?:\baction(?::| =) |\baudit\((?:[\w']+, )?)'([a-zA-Z]+\.[a-zA-Z.-]+)'/g

t.test('the history has words for everything that is audited, and none for what is not', async (t) => {
  const actions = new Set(
    sourceFiles('src').flatMap(({ text }) => [...text.matchAll(written)].map(([, name]) => name)),
  )
  t.ok(actions.size >= 40, `${actions.size} actions are found in the source`)
  t.strictSame(
    [...actions].filter((action) => action !== undefined && !auditWords[action]),
    [],
    'no action is shown by its name',
  )
  t.strictSame(
    Object.keys(auditWords).filter((action) => !actions.has(action)),
    [],
    'no words are left over',
  )
})
