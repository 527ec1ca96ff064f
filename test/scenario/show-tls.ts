// npm run show:tls: every way that TLS goes right or wrong, against Kamailio and openssl, and what to do about it.
import { runTlsMatrix } from '#test/engine/tls-matrix.ts'

const rows = await runTlsMatrix()
const columns = (['peer', 'case', 'outcome'] as const).map((key) =>
  Math.max(...rows.map((row) => row[key].length)),
)
for (const { peer, case: name, outcome, advice } of rows) {
  const cells = [peer, name, outcome.length > 60 ? '' : outcome].map((cell, index) =>
    cell.padEnd(Math.min(columns[index] ?? 0, 60)),
  )
  console.log(`${cells.join('  ').trimEnd()}`)
  if (outcome.length > 60) console.log(`    ${outcome}`)
  console.log(`    ${advice === '' ? 'Nothing has to be done.' : advice}`)
}
console.log(`\n${rows.length} cases.`)
