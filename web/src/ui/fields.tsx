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

/** What every labelled input shares: its label above, the hint below, the problem last. */
function Labelled(props: {
  id: string
  label: string
  hint: ComponentChildren
  problem: string | undefined
  children: ComponentChildren
}): VNode {
  const { id, label, hint, problem } = props
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {props.children}
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

function describedBy(id: string, hint: ComponentChildren, problem: string | undefined): string | undefined {
  const about = [hint === undefined ? '' : `${id}-hint`, problem ? `${id}-problem` : '']
  return about.filter(Boolean).join(' ') || undefined
}

/** A labelled choice among many. */
export function SelectField(props: {
  label: string
  value: string
  options: readonly { value: string; text: string }[]
  onValue: (value: string) => void
  hint?: ComponentChildren
  problem?: string | undefined
}): VNode {
  const { label, value, options, hint, problem } = props
  const id = useId()
  return (
    <Labelled id={id} label={label} hint={hint} problem={problem}>
      <select
        id={id}
        value={value}
        aria-invalid={problem ? 'true' : undefined}
        aria-describedby={describedBy(id, hint, problem)}
        onChange={(event) => props.onValue(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </Labelled>
  )
}

/** A labelled input of many lines; `readOnly` for texts to be taken away. */
export function TextArea(props: {
  label: string
  value: string
  onValue?: (value: string) => void
  rows: number
  hint?: ComponentChildren
  problem?: string | undefined
  readOnly?: boolean
  placeholder?: string
}): VNode {
  const { label, value, onValue, rows, hint, problem, readOnly, placeholder } = props
  const id = useId()
  return (
    <Labelled id={id} label={label} hint={hint} problem={problem}>
      <textarea
        id={id}
        value={value}
        rows={rows}
        readOnly={readOnly}
        placeholder={placeholder}
        spellcheck={false}
        autoComplete="off"
        aria-invalid={problem ? 'true' : undefined}
        aria-describedby={describedBy(id, hint, problem)}
        onInput={(event) => onValue?.(event.currentTarget.value)}
      />
    </Labelled>
  )
}

/** One of a few ways, as radio buttons under a question. */
export function Choices<Value extends string>(props: {
  question: string
  value: Value
  options: readonly { value: Value; text: string; hint?: string }[]
  onValue: (value: Value) => void
}): VNode {
  const name = useId()
  return (
    <fieldset class="choices">
      <legend>{props.question}</legend>
      {props.options.map((option) => (
        <label key={option.value} class="choice">
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === props.value}
            onChange={() => props.onValue(option.value)}
          />
          <span>
            {option.text}
            {option.hint && <span class="hint"> {option.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
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
