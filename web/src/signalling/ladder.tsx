import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { LadderColumn, LadderView, TracedMessageView } from '#src/api/schema/traces.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { partyName } from '../ui/party.tsx'
import { foldRepeats, formatClock, formatOffset, type LadderRow } from './rows.ts'

/**
 * The messages as arrows between those who sent and took them. It is a table for whoever does not see it, a ladder
 * where there is room, and a list on a phone; a message opens below its arrow.
 */
export function Ladder(props: { ladder: LadderView }): VNode {
  const { columns, messages } = props.ladder
  const rows = foldRepeats(messages)
  const startMs = rows[0]?.message.atMs ?? 0
  const [open, setOpen] = useState<number>()
  const names = columns.map(nameOf)
  const template = { gridTemplateColumns: `5.5rem repeat(${columns.length * 2}, minmax(0, 1fr))` }
  if (rows.length === 0) return <p>No message is kept.</p>
  return (
    <div class="ladder">
      <div class="ladder-heads" style={template} aria-hidden="true">
        {columns.map((column, index) => (
          <div key={index} style={{ gridColumn: `${2 + index * 2} / span 2` }}>
            <strong>{names[index]}</strong>
            {column.host !== names[index] && <span class="muted">{column.host}</span>}
          </div>
        ))}
      </div>
      <div class="ladder-body">
        <div class="ladder-lines" style={template} aria-hidden="true">
          {columns.map((_, index) => (
            <i key={index} style={{ gridColumn: `${2 + index * 2} / span 2` }} />
          ))}
        </div>
        <table role="table" aria-label="SIP messages">
          <thead class="visually-hidden" role="rowgroup">
            <tr role="row">
              {['Seconds', 'From', 'To', 'Message'].map((name) => (
                <th key={name} role="columnheader" scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((row) => (
              <Row
                key={row.index}
                row={row}
                names={names}
                startMs={startMs}
                template={template}
                open={open === row.index}
                onToggle={() => setOpen(open === row.index ? undefined : row.index)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}

function Row(props: {
  row: LadderRow
  names: string[]
  startMs: number
  template: { gridTemplateColumns: string }
  open: boolean
  onToggle: () => void
}): VNode {
  const { row, names, open } = props
  const { message, times } = row
  const left = Math.min(message.from, message.to)
  const span = Math.max(1, Math.abs(message.to - message.from)) * 2
  const from = names[message.from] ?? ''
  const to = names[message.to] ?? ''
  return (
    <tr role="row" class="ladder-row" style={props.template} data-light={lightOf(message)}>
      <td role="cell" class="ladder-time">
        {formatOffset(message.atMs - props.startMs)}
      </td>
      <td role="cell" class="ladder-end">
        {from}
      </td>
      <td role="cell" class="ladder-end">
        {to}
      </td>
      <td
        role="cell"
        class={`ladder-arrow ${message.to < message.from ? 'leftward' : 'rightward'}`}
        // From the middle of one column to the middle of the other.
        style={{ gridColumn: `${3 + left * 2} / span ${span}` }}
      >
        <button type="button" class="ladder-label" aria-expanded={open} onClick={props.onToggle}>
          <span>{message.label}</span>
          {message.kind === 'response' && message.method !== '' && (
            <span class="muted"> to {message.method}</span>
          )}
          {message.hasSdp && <span class="ladder-mark"> SDP</span>}
          {times.length > 1 && (
            <span class="ladder-mark">
              {' '}
              ×{times.length}
              <span class="visually-hidden"> sent that often</span>
            </span>
          )}
        </button>
        <span class="ladder-ends" aria-hidden="true">
          {from} → {to}
        </span>
      </td>
      {open && (
        <td role="cell" class="ladder-message">
          <Message message={message} times={times} startMs={props.startMs} />
        </td>
      )}
    </tr>
  )
}

function Message(props: { message: TracedMessageView; times: number[]; startMs: number }): VNode {
  const { message, times, startMs } = props
  return (
    <div class="message">
      <div class="message-head">
        <p>
          {formatClock(message.atMs)} · {message.protocol.toUpperCase()} {message.source} →{' '}
          {message.destination} · {message.size} bytes
          {times.length > 1 &&
            ` · again at ${times
              .slice(1)
              .map((at) => formatOffset(at - startMs))
              .join(', ')}`}
        </p>
        <CopyButton name={`the message ${message.label}`} text={message.text} />
      </div>
      <pre>{message.text}</pre>
      {message.cut && <p class="muted">Only the beginning is shown.</p>}
    </div>
  )
}

function nameOf({ kind, party, host }: LadderColumn): string {
  if (kind === 'box') return 'Branchline'
  return party ? partyName(party) : host
}

function lightOf({ kind, status }: TracedMessageView): 'request' | 'ok' | 'wait' | 'bad' {
  if (kind === 'unreadable') return 'bad'
  if (status === null) return 'request'
  if (status < 200) return 'wait'
  // A challenge is how every registration and call begins.
  return status < 400 || status === 401 || status === 407 ? 'ok' : 'bad'
}
