import type { VNode } from 'preact'
import type { EnrolmentView } from '#src/api/schema/enrolments.ts'
import { ask } from '../api-client.ts'
import { Confirm } from '../ui/dialog.tsx'
import { Failure } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** Takes a phone off the list after saying what that means. */
export function RemoveEnrolment(props: { enrolment: EnrolmentView; onClose: () => void }): VNode {
  const { enrolment, onClose } = props
  const remove = useAction(async () => {
    await ask('DELETE', `/api/enrolments/${enrolment.id}`)
    onClose()
  })
  return (
    <Confirm
      title={`Take ${enrolment.label} off the list?`}
      action="Take off the list"
      busy={remove.busy}
      onConfirm={() => void remove.run()}
      onClose={onClose}
    >
      <p>
        {enrolment.state === 'enrolled'
          ? 'The phone itself stays enrolled and keeps its name and place.'
          : 'Its code works no more.'}
      </p>
      <Failure failure={remove.failure} />
    </Confirm>
  )
}
