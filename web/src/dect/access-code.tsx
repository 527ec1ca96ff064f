import type { VNode } from 'preact'
import type { AccessCodeView, HandsetView } from '#src/api/schema/handsets.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'

/** The code of a handset, and what to do with it. */
export function CodeToType(props: { code: AccessCodeView }): VNode {
  const { ipei, accessCode } = props.code
  return (
    <>
      <p>
        While handsets may subscribe, open the handset’s menu for subscribing (often called Login or
        Registration), choose this system, and type:
      </p>
      <div class="user-code">
        <output>{accessCode}</output>
        <CopyButton name="the access code" text={accessCode} class="small" />
      </div>
      <p class="hint">
        It works on the handset with IPEI <code>{ipei}</code> only.
      </p>
    </>
  )
}

/** The access code of one handset; reading it is noted in the audit log. */
export function AccessCode(props: { handset: HandsetView; onClose: () => void }): VNode {
  const { handset, onClose } = props
  const { data, failure, reload } = useResource<AccessCodeView>(
    `/api/handsets/${handset.device.id}/access-code`,
  )
  return (
    <Dialog title={`Access code of ${handset.device.label}`} onClose={onClose}>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && <CodeToType code={data} />}
      <footer class="dialog-foot">
        <button type="button" class="primary" onClick={onClose} autofocus>
          Done
        </button>
      </footer>
    </Dialog>
  )
}
