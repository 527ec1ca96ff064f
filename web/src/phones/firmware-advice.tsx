import type { VNode } from 'preact'
import type { FirmwareView } from '#src/api/schema/firmware.ts'
import { State, type Light } from '../ui/state.tsx'
import './found-phones.css'

const lights: Record<FirmwareView['state'], Light> = {
  approved: 'ok',
  newer: 'ok',
  between: 'warn',
  'below-minimum': 'bad',
  'other-train': 'warn',
  unreadable: 'off',
  unknown: 'off',
}

/** What a phone is, which firmware it runs, and whether that is a good one. */
export function Firmware(props: {
  vendor: string | null
  model: string | null
  advice: FirmwareView | null
}): VNode | null {
  const { vendor, model, advice } = props
  if (vendor === null) return null
  return (
    <p class="muted firmware">
      {[vendor, model].filter(Boolean).join(' ')}
      {advice && (
        <>
          {' · '}
          <State light={lights[advice.state]}>{advice.text}</State>
        </>
      )}
    </p>
  )
}
