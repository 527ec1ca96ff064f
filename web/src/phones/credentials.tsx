import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { CredentialsView, DeviceView, LineView } from '#src/api/schema/devices.ts'
import { ask } from '../api-client.ts'
import { formatDuration } from '../format.ts'
import { CopyButton, CopyValue } from '../ui/copy-value.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Loading } from '../ui/notice.tsx'
import { useAction, useNow } from '../use-resource.ts'
import { Registration } from './registration.tsx'

/** What to enter on a phone, with the code to scan, and live news of its registration. */
export function Credentials(props: { credentials: CredentialsView; onNewLink: () => void }): VNode {
  const { credentials } = props
  const leftMs = credentials.provisioning.expiresAtMs - useNow()
  const ports = credentials.transports.map(({ protocol, port }) => `${protocol.toUpperCase()} ${port}`)
  return (
    <div class="credentials">
      <div>
        <h3>Any SIP phone</h3>
        <dl class="copy-list">
          <CopyValue name="Server" value={credentials.server} />
          <div class="copy-value">
            <dt>Port</dt>
            <dd>{ports.join(' · ')}</dd>
          </div>
          <CopyValue name="User name" value={credentials.username} />
          <CopyValue name="Password" value={credentials.password} secret />
          <CopyValue name="Realm" value={credentials.realm} />
        </dl>
        <p class="hint">The user name is also the authentication name. The realm is rarely asked for.</p>
      </div>
      <div class="qr">
        <h3>Linphone: scan</h3>
        {leftMs > 0 ? (
          <>
            <img
              src={`data:image/svg+xml,${encodeURIComponent(credentials.provisioning.qrSvg)}`}
              alt="QR code that sets up Linphone"
              width="190"
              height="190"
            />
            <p class="hint">
              Works once, for {formatDuration(leftMs)} more.{' '}
              <CopyButton name="the link" text={credentials.provisioning.url} class="link">
                Copy the link
              </CopyButton>
            </p>
          </>
        ) : (
          <>
            <p class="hint">The code is too old.</p>
            <button type="button" onClick={props.onNewLink}>
              New code
            </button>
          </>
        )}
      </div>
    </div>
  )
}

/** The credentials of a line that exists; reading them is noted in the audit log. */
export function CredentialsDialog(props: { device: DeviceView; line: LineView; onClose: () => void }): VNode {
  const { device, line, onClose } = props
  const [credentials, setCredentials] = useState<CredentialsView>()
  const [sure, setSure] = useState(false)
  const read = useAction(async () => {
    setCredentials(await ask<CredentialsView>('GET', `/api/lines/${line.id}/credentials`))
  })
  const renew = useAction(async () => {
    setCredentials(await ask<CredentialsView>('POST', `/api/lines/${line.id}/password`))
    setSure(false)
  })
  useEffect(() => void read.run(), [])
  return (
    <Dialog title={`Credentials of ${device.label}`} onClose={onClose} wide>
      <Failure failure={read.failure ?? renew.failure} />
      {!credentials && !read.failure && <Loading />}
      {credentials && (
        <>
          <Credentials credentials={credentials} onNewLink={() => void read.run()} />
          <Registration lineId={line.id} />
        </>
      )}
      <footer class="dialog-foot">
        {sure ? (
          <>
            <span class="foot-text">The phone loses its registration until it has the new password.</span>
            <button type="button" onClick={() => setSure(false)}>
              Keep the old one
            </button>
            <button type="button" class="danger" disabled={renew.busy} onClick={() => void renew.run()}>
              Make a new password
            </button>
          </>
        ) : (
          <>
            <button type="button" class="quiet" disabled={!credentials} onClick={() => setSure(true)}>
              New password …
            </button>
            <button type="button" class="primary" onClick={onClose}>
              Done
            </button>
          </>
        )}
      </footer>
    </Dialog>
  )
}
