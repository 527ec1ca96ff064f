import type { VNode } from 'preact'
import type { CertificatesView } from '#src/api/schema/certificate.ts'
import type { TenantView } from '#src/api/schema/setup.ts'
import { Failure, Loading, Notice } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { day, Facts } from './certificate-facts.tsx'
import type { StepProps } from './steps.ts'
import { StepFrame } from './step-frame.tsx'
import { TrunkCertificate } from './trunk-certificate.tsx'

/** Certificate: the box's own authority for phones and browsers, and a public one for Teams. */
export function CertificateStep(props: StepProps): VNode {
  const { data, failure, reload } = useResource<CertificatesView>('/api/certificates', ['settingsChanged'])
  const tenant = useResource<TenantView>('/api/setup/tenant', ['settingsChanged'])
  return (
    <StepFrame step={props.step}>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && (
        <>
          <section aria-labelledby="own-certificate" class="card">
            <h2 id="own-certificate">For phones and browsers: the box’s own</h2>
            <p>
              The box signs its own certificate, so browsers warn until they trust it once. Compare the
              fingerprint before you do.
            </p>
            <Facts certificate={data.authority} />
            <p>
              <a class="button" href="/ca.pem" download="branchline-ca.pem">
                Download the CA certificate
              </a>
            </p>
            <HowToTrust />
            <p class="hint">
              This page shows a certificate for {data.page.names.filter(isReadable).join(', ')}, valid until{' '}
              {day(data.page.expiresAtMs)}; the box renews it by itself.
            </p>
          </section>
          <section aria-labelledby="teams-certificate" class="card">
            <h2 id="teams-certificate">For Teams: from a public authority</h2>
            {tenant.data?.kind === 'none' && (
              <p>You need it for your own tenant only. To try the box with the lab, do this later.</p>
            )}
            {tenant.data?.kind === 'lab' && (
              <Notice tone="info" title="The lab needs none.">
                You can prepare the certificate for your own tenant here all the same.
              </Notice>
            )}
            <TrunkCertificate
              certificates={data}
              onChange={() => {
                reload()
                props.reload()
              }}
            />
          </section>
        </>
      )}
    </StepFrame>
  )
}

function HowToTrust(): VNode {
  return (
    <details>
      <summary>How a computer is told to trust it</summary>
      <ul class="bullets">
        <li>Windows: open the file, “Install certificate”, “Trusted Root Certification Authorities”.</li>
        <li>macOS: open the file, then in Keychain Access set “Always trust” for it.</li>
        <li>Firefox: Settings, Certificates, View certificates, Authorities, Import.</li>
        <li>Phones that the box configures get it by themselves.</li>
      </ul>
    </details>
  )
}

/** IPv6 addresses are written out in certificates and would fill the line. */
function isReadable(name: string): boolean {
  return !name.includes(':')
}
