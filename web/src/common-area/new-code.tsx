import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { EnrolmentView } from '#src/api/schema/enrolments.ts'
import { ask } from '../api-client.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { CodeToDial } from './code-to-dial.tsx'

/** Draws another code after saying what becomes of the old one. */
export function NewCode(props: { enrolment: EnrolmentView; onClose: () => void }): VNode {
  const { enrolment, onClose } = props
  const [renewed, setRenewed] = useState<EnrolmentView>()
  const renew = useAction(async () => {
    setRenewed(await ask<EnrolmentView>('POST', `/api/enrolments/${enrolment.id}/code`))
  })
  const before = {
    waiting: 'The code that is on the list now works no more.',
    expired: 'The old code has expired.',
    enrolled:
      'The phone stays as it is. With the new code it can be enrolled again, for example after a factory reset.',
  }[enrolment.state]
  return (
    <Dialog title={`New code for ${enrolment.label}`} onClose={onClose}>
      <div aria-live="polite">{renewed ? <CodeToDial enrolment={renewed} /> : <p>{before}</p>}</div>
      <Failure failure={renew.failure} />
      <footer class="dialog-foot">
        {renewed ? (
          <button type="button" class="primary" onClick={onClose}>
            Done
          </button>
        ) : (
          <>
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button
              type="button"
              class="primary"
              disabled={renew.busy}
              onClick={() => void renew.run()}
              autofocus
            >
              Make a new code
            </button>
          </>
        )}
      </footer>
    </Dialog>
  )
}
