import type { ComponentChildren, InputHTMLAttributes, VNode } from 'preact'
import { useId } from 'preact/hooks'

/** A labelled text input with its hint and, when the box refused the value, the reason beside it. */
export function TextField(
  props: {
    label: string
    value: string
    onValue: (value: string) => void
    hint?: ComponentChildren
    problem?: string | undefined
  } & Omit<InputHTMLAttributes, 'value' | 'label' | 'onInput'>,
): VNode {
  const { label, value, onValue, hint, problem, ...input } = props
  const id = useId()
  const about = [hint === undefined ? '' : `${id}-hint`, problem ? `${id}-problem` : '']
    .filter(Boolean)
    .join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        value={value}
        aria-invalid={problem ? 'true' : undefined}
        aria-describedby={about === '' ? undefined : about}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  )
}

/** An on/off switch that names what it switches. */
export function Switch(props: {
  label: string
  on: boolean
  disabled?: boolean
  hideLabel?: boolean
  onChange: (on: boolean) => void
}): VNode {
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={props.on}
      aria-label={props.hideLabel ? props.label : undefined}
      disabled={props.disabled}
      onClick={() => props.onChange(!props.on)}
    >
      <span class="switch-track" aria-hidden="true" />
      {props.hideLabel ? (
        <span aria-hidden="true">{props.on ? 'on' : 'off'}</span>
      ) : (
        <span>{props.label}</span>
      )}
    </button>
  )
}
