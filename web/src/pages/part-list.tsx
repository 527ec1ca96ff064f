import type { VNode } from 'preact'
import type { PartView } from '#src/api/schema/health.ts'
import { State, type Light } from '../ui/state.tsx'

const lights: Record<PartView['state'], Light> = {
  ok: 'ok',
  starting: 'wait',
  degraded: 'warn',
  failed: 'bad',
  off: 'off',
}

/** How each part of the box is, with advice where something is wrong. */
export function PartList(props: { parts: PartView[] }): VNode {
  return (
    <ul class="rows parts">
      {props.parts.map((part) => (
        <li key={part.name}>
          <span class="part-name">{part.name}</span>
          <State light={lights[part.state]}>{part.state}</State>
          <span class="part-detail">
            {part.detail}
            {part.advice && <span class="advice"> {part.advice}</span>}
          </span>
        </li>
      ))}
    </ul>
  )
}
