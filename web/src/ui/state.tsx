import type { VNode } from 'preact'

/** Colour is never the only carrier: each state has its own sign and its word. */
const signs = { ok: '●', wait: '◐', warn: '▲', bad: '■', off: '○' } as const

export type Light = keyof typeof signs

/** A state in a sign and a word. */
export function State(props: {
  light: Light
  children: string
  /** The sentence beside it says the same: the word is only read aloud. */
  quiet?: boolean
}): VNode {
  return (
    <span class={`state ${props.light}`}>
      <span aria-hidden="true">{signs[props.light]}</span>{' '}
      {props.quiet ? <em class="visually-hidden">{props.children}: </em> : props.children}
    </span>
  )
}

/** The lab badge: on every page while the lab tenant is on. */
export function LabBadge(): VNode {
  return (
    <span class="lab-badge" title="The tenant is a local stand-in, not Microsoft">
      lab
    </span>
  )
}
