import t from 'tap'
import { bestResponse } from '#src/pbx/calls/best-response.ts'

t.test('chooses what tells the caller most (RFC 3261 16.7 step 6)', async (t) => {
  const table: [number[], number][] = [
    [[486, 603], 603],
    [[486, 600, 404], 600],
    [[480, 486], 486],
    [[408, 486], 486],
    [[503, 404], 404],
    [[503, 487], 503],
    [[408, 500], 500],
    [[487, 408], 487],
    [[302, 486], 302],
    [[401, 503], 503],
    [[488, 415, 480], 480],
    [[499, 403], 403],
  ]
  for (const [statuses, expected] of table) {
    t.equal(bestResponse(statuses.map((status) => ({ status })))?.status, expected, statuses.join(' '))
    const reversed = [...statuses].reverse().map((status) => ({ status }))
    t.equal(bestResponse(reversed)?.status, expected, `${statuses.join(' ')} in the other order`)
  }
  t.equal(bestResponse([]), undefined)
})
