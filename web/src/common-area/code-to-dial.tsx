import type { VNode } from 'preact'
import type { EnrolmentView } from '#src/api/schema/enrolments.ts'
import { formatMoment } from '../format.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { formatAddress, formatCode } from './format-address.ts'

/** A fresh code with all that somebody in front of the phone needs. */
export function CodeToDial(props: { enrolment: EnrolmentView }): VNode {
  const { enrolment } = props
  const code = enrolment.code ?? ''
  return (
    <>
      <p>
        Dial on the phone with the address <code>{formatAddress(enrolment)}</code>, {enrolment.location}:
      </p>
      <div class="user-code">
        <output>*55* {formatCode(code)}</output>
        <CopyButton name="what to dial" text={`*55*${code}`} class="small" />
      </div>
      <p class="hint">
        It works on this phone only, once, and until {formatMoment(enrolment.expiresAtMs)}. The phone confirms
        it aloud; then sign its account in from this page.
      </p>
    </>
  )
}
