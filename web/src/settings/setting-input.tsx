import type { VNode } from 'preact'
import { useId } from 'preact/hooks'
import type { SettingsField } from '#src/api/schema/settings.ts'
import { TextField } from '../ui/fields.tsx'
import { asText, shownValue } from './edits.ts'

const effects: Record<SettingsField['applies'], string> = {
  live: '',
  sip: 'Takes effect after a restart.',
  reboot: 'Takes effect after a restart.',
}

/** The input that fits a setting's kind, with its default and when a change takes effect. */
export function SettingInput(props: {
  field: SettingsField
  edit: string | undefined
  problem: string | undefined
  onEdit: (value: string) => void
}): VNode {
  const { field, edit, problem, onEdit } = props
  const value = edit ?? shownValue(field)
  const hint = hintOf(field)
  if (field.kind === 'choice' || field.kind === 'boolean') {
    return <Choice {...props} value={value} hint={hint} />
  }
  return (
    <TextField
      label={field.title}
      value={value}
      onValue={onEdit}
      hint={hint}
      problem={problem}
      data-changed={edit !== undefined}
      type={field.secret ? 'password' : 'text'}
      inputMode={field.kind === 'integer' ? 'numeric' : 'text'}
      autoComplete={field.secret ? 'new-password' : 'off'}
      spellcheck={false}
      placeholder={field.secret && field.saved ? 'saved, not shown' : asText(field.default)}
    />
  )
}

function Choice(props: {
  field: SettingsField
  edit: string | undefined
  problem: string | undefined
  onEdit: (value: string) => void
  value: string
  hint: string
}): VNode {
  const { field } = props
  const id = useId()
  const choices = field.kind === 'boolean' ? ['true', 'false'] : field.choices
  return (
    <div class="field">
      <label for={id}>{field.title}</label>
      <select
        id={id}
        value={props.value}
        data-changed={props.edit !== undefined}
        aria-invalid={props.problem ? 'true' : undefined}
        aria-describedby={props.problem ? `${id}-hint ${id}-problem` : `${id}-hint`}
        onChange={(event) => props.onEdit(event.currentTarget.value)}
      >
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {field.kind === 'boolean' ? (choice === 'true' ? 'yes' : 'no') : choice}
          </option>
        ))}
      </select>
      <p class="hint" id={`${id}-hint`}>
        {props.hint}
      </p>
      {props.problem && (
        <p class="problem" id={`${id}-problem`}>
          {props.problem}
        </p>
      )}
    </div>
  )
}

function hintOf(field: SettingsField): string {
  const text = asText(field.default)
  const fallback = field.kind === 'boolean' ? (text === 'true' ? 'yes' : 'no') : text
  const limits =
    field.minimum !== null && field.maximum !== null ? `${field.minimum} to ${field.maximum}` : undefined
  const parts = [
    limits,
    fallback === '' ? (field.optional ? 'may be empty' : undefined) : `default ${fallback}`,
    field.kind === 'list' ? 'separated by commas' : undefined,
    field.kind === 'json' ? 'as JSON: [{"name": "sip.example.com", "port": 5061}]' : undefined,
  ].filter((part) => part !== undefined)
  const all = parts.join(', ')
  const sentence = all === '' ? '' : `${all.charAt(0).toUpperCase()}${all.slice(1)}.`
  return [sentence, effects[field.applies]].filter(Boolean).join(' ')
}
