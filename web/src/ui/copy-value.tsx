import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'

const sayCopiedMs = 2_000

/** A value to be typed into a phone, with a button that copies it. */
export function CopyValue(props: { name: string; value: string; secret?: boolean }): VNode {
  const [copied, setCopied] = useState(false)
  const [shown, setShown] = useState(!props.secret)
  useEffect(() => {
    if (!copied) return
    const timer = window.setTimeout(() => setCopied(false), sayCopiedMs)
    return () => window.clearTimeout(timer)
  }, [copied])
  const copy = (): void => {
    navigator.clipboard.writeText(props.value).then(
      () => setCopied(true),
      // Without permission the value can still be selected by hand.
      () => setShown(true),
    )
  }
  return (
    <div class="copy-value">
      <dt>{props.name}</dt>
      <dd>
        <code>{shown ? props.value : '•'.repeat(12)}</code>
        <span class="copy-actions">
          {props.secret && (
            <button
              type="button"
              class="quiet small"
              aria-label={`${shown ? 'Hide' : 'Show'} ${props.name.toLowerCase()}`}
              onClick={() => setShown(!shown)}
            >
              {shown ? 'Hide' : 'Show'}
            </button>
          )}
          <button
            type="button"
            class="quiet small"
            aria-label={`Copy ${props.name.toLowerCase()}`}
            onClick={copy}
          >
            {copied ? 'Copied' : 'Copy'}
          </button>
        </span>
      </dd>
    </div>
  )
}
