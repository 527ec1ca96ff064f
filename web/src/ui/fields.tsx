import type { ComponentChildren, VNode } from 'preact'
import { useId } from 'preact/hooks'

/** What an input may be told beside its label and value. */
interface InputHints {
  type?: 'text' | 'password'
  placeholder?: string
  inputMode?: 'text' | 'numeric'
  autoComplete?: string
  class?: string
  required?: boolean
  autofocus?: boolean
  maxLength?: number
  minLength?: number
  spellcheck?: boolean
  'data-changed'?: boolean
}

/** A labelled text input with its hint and, when the box refused the value, the reason beside it. */
export function TextField(
  props: {
    label: string
    value: string
    onValue: (value: string) => void
    hint?: ComponentChildren
    problem?: string | undefined
  } & InputHints,
): VNode {
  const { label, value, onValue, hint, problem, type = 'text', ...input } = props
  const id = useId()
  const about = [hint === undefined ? '' : `${id}-hint`, problem ? `${id}-problem` : '']
    .filter(Boolean)
    .join(' ')
  const shared = {
    ...input,
    id,
    value,
    'aria-invalid': problem ? ('true' as const) : undefined,
    'aria-describedby': about === '' ? undefined : about,
    onInput: (event: InputEvent & { currentTarget: HTMLInputElement }) => onValue(event.currentTarget.value),
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {type === 'password' ? <input {...shared} type="password" /> : <input {...shared} type="text" />}
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
