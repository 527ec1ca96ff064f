import type { ComponentChildren, VNode } from 'preact'
import type { ApiFailure } from '../api-client.ts'

type Tone = 'ok' | 'warn' | 'bad' | 'info'

/** A framed message; problems are announced at once, the rest when the reader is free. */
export function Notice(props: { tone: Tone; title?: string; children?: ComponentChildren }): VNode {
  return (
    <div class={`notice ${props.tone}`} role={props.tone === 'bad' ? 'alert' : 'status'}>
      {props.title && <strong>{props.title}</strong>}
      {props.children && <div>{props.children}</div>}
    </div>
  )
}

/** What went wrong and how to mend it. */
export function Failure(props: { failure: ApiFailure | undefined; onRetry?: () => void }): VNode | null {
  const { failure, onRetry } = props
  if (!failure) return null
  return (
    <Notice tone="bad" title={failure.message}>
      {failure.advice && <span>{failure.advice} </span>}
      {onRetry && (
        <button type="button" class="link" onClick={onRetry}>
          Try again
        </button>
      )}
    </Notice>
  )
}

/** Says what to do next where there is nothing yet. */
export function Empty(props: { title: string; children: ComponentChildren }): VNode {
  return (
    <div class="empty">
      <h2>{props.title}</h2>
      <div>{props.children}</div>
    </div>
  )
}

/** Shown while the first answer is on its way. */
export function Loading(): VNode {
  return (
    <p class="loading" role="status">
      Reading from the box …
    </p>
  )
}
