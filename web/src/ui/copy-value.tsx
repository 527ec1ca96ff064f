import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'

const sayCopiedMs = 2_000

/** Copies a text and says so; without the permission it says that too. */
export function CopyButton(props: { name: string; text: string; class?: string; children?: string }): VNode {
  const [said, setSaid] = useState<'Copied' | 'Not allowed'>()
  useEffect(() => {
    if (!said) return
    const timer = window.setTimeout(() => setSaid(undefined), sayCopiedMs)
    return () => window.clearTimeout(timer)
  }, [said])
  const copy = (): void => {
    navigator.clipboard.writeText(props.text).then(
      () => setSaid('Copied'),
      () => setSaid('Not allowed'),
    )
  }
  return (
    <button
      type="button"
      class={props.class ?? 'quiet small'}
      aria-label={`Copy ${props.name}`}
      onClick={copy}
    >
      <span aria-live="polite">{said ?? props.children ?? 'Copy'}</span>
    </button>
  )
}

/** A value to be typed into a phone, with a button that copies it. */
export function CopyValue(props: { name: string; value: string; secret?: boolean }): VNode {
  const [shown, setShown] = useState(!props.secret)
  const name = props.name.toLowerCase()
  return (
    <div class="copy-value">
      <dt>{props.name}</dt>
      <dd>
        <code>{shown ? props.value : '•'.repeat(8)}</code>
        <span class="copy-actions">
          {props.secret && (
            <button
              type="button"
              class="quiet small"
              aria-label={`${shown ? 'Hide' : 'Show'} ${name}`}
              onClick={() => setShown(!shown)}
            >
              {shown ? 'Hide' : 'Show'}
            </button>
          )}
          <CopyButton name={name} text={props.value} />
        </span>
      </dd>
    </div>
  )
}
