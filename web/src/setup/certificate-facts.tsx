import type { VNode } from 'preact'
import type { CertificateView } from '#src/api/schema/certificate.ts'
import { CopyButton } from '../ui/copy-value.tsx'

/** A certificate in the words that other programs use for it. */
export function Facts(props: { certificate: CertificateView }): VNode {
  const { subject, issuer, names, fingerprint, validFromMs, expiresAtMs } = props.certificate
  return (
    <dl class="facts">
      <div>
        <dt>Name</dt>
        <dd>{names.length > 0 ? names.join(', ') : subject}</dd>
      </div>
      <div>
        <dt>Signed by</dt>
        <dd>{issuer}</dd>
      </div>
      <div>
        <dt>Valid</dt>
        <dd>
          {day(validFromMs)} to {day(expiresAtMs)}
        </dd>
      </div>
      <div>
        <dt>Fingerprint (SHA-256)</dt>
        <dd>
          <code>{fingerprint}</code> <CopyButton name="the fingerprint" text={fingerprint} />
        </dd>
      </div>
    </dl>
  )
}

/** A day as people here write it. */
export function day(atMs: number): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(atMs)
}
