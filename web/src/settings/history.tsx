import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { AuditPage } from '#src/api/schema/settings.ts'
import { formatMoment } from '../format.ts'
import { Failure } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { auditWords } from './audit-words.ts'

/** Who did what on the box lately. */
export function History(): VNode {
  const [open, setOpen] = useState(false)
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      <button type="button" class="fit" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? 'Hide' : 'Show who did what'}
      </button>
      {open && <Entries />}
    </section>
  )
}

function Entries(): VNode {
  const { data, failure, reload } = useResource<AuditPage>('/api/audit?limit=100', [
    'devicesChanged',
    'policiesChanged',
    'settingsChanged',
    'signedIn',
    'signedOut',
  ])
  return (
    <>
      <Failure failure={failure} onRetry={reload} />
      <table class="table audit">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Details</th>
          </tr>
        </thead>
        <tbody>
          {data?.entries.map((entry) => (
            <tr key={entry.id}>
              <td data-name="When">{formatMoment(entry.atMs)}</td>
              <td data-name="Who">{entry.actor}</td>
              <td data-name="What">{auditWords[entry.action] ?? entry.action}</td>
              <td data-name="Details" class="muted">
                {describe(entry)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

/** The details, or what it was done to where there are none. */
function describe({ details, subject, action }: AuditPage['entries'][number]): string {
  const parts = Object.entries(details).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  // Every phone and line has a long id; where something better names it, the id only fills the row.
  const named = action.startsWith('policy.') ? [subject, ...parts] : parts
  return named.length > 0 ? named.join(', ') : subject
}
