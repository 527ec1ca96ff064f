import type { VNode } from 'preact'
import type { PartyView } from '#src/api/schema/calls.ts'

/** The best short name of a side of a call. */
export function partyName(party: PartyView): string {
  return party.displayName ?? party.deviceLabel ?? party.number
}

/** A side of a call: name first, number and place below. */
export function Party(props: { party: PartyView }): VNode {
  const { party } = props
  const name = partyName(party)
  const place = party.kind === 'trunk' ? `via ${party.id}` : (party.deviceLabel ?? '')
  const below = [name === party.number ? '' : party.number, name === place ? '' : place].filter(Boolean)
  return (
    <div class="party">
      <span>{name}</span>
      {below.length > 0 && <span class="muted"> {below.join(' · ')}</span>}
    </div>
  )
}
