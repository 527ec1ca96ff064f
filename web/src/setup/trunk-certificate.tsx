import type { VNode } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import type { CertificatesView } from '#src/api/schema/certificate.ts'
import { ask } from '../api-client.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { Choices, TextArea, TextField } from '../ui/fields.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { Facts } from './certificate-facts.tsx'
import { useProblemFocus } from './focus.ts'

type Way = 'request' | 'upload'

/** The certificate that Teams sees: as it is, requested with a key that stays here, or uploaded with its key. */
export function TrunkCertificate(props: { certificates: CertificatesView; onChange: () => void }): VNode {
  const { trunk, canKeep, request } = props.certificates
  const [replacing, setReplacing] = useState(false)
  const [way, setWay] = useState<Way>(request ? 'request' : 'upload')
  if (!canKeep) return <p>This box has no place to keep an uploaded certificate.</p>
  const usable = trunk?.problem === null
  const changed = (): void => {
    setReplacing(false)
    props.onChange()
  }
  return (
    <>
      {trunk && (
        <>
          {trunk.problem !== null && <Notice tone="bad" title={trunk.problem} />}
          {trunk.certificate && <Facts certificate={trunk.certificate} />}
          {trunk.chain.length > 0 && (
            <p class="hint">Shown with it: {trunk.chain.map(({ subject }) => subject).join(', ')}.</p>
          )}
          {trunk.warnings.map((warning) => (
            <Notice key={warning} tone="warn">
              {warning}
            </Notice>
          ))}
          {!trunk.inForce && (
            <p class="hint">It takes effect with the next restart; choosing the tenant restarts the box.</p>
          )}
        </>
      )}
      {usable && (
        <button type="button" class="fit" aria-expanded={replacing} onClick={() => setReplacing(!replacing)}>
          {replacing ? 'Keep it' : 'Replace it …'}
        </button>
      )}
      {(!usable || replacing) && (
        <>
          <Choices
            question="Which way?"
            value={way}
            onValue={setWay}
            options={[
              { value: 'upload', text: 'I have a certificate and its key.' },
              {
                value: 'request',
                text: 'I need a new one.',
                hint: 'The box makes the key, which never leaves it, and a request for the authority.',
              },
            ]}
          />
          {way === 'upload' ? (
            <Upload certificates={props.certificates} withKey onChange={changed} />
          ) : (
            <Request certificates={props.certificates} onChange={changed} />
          )}
        </>
      )}
    </>
  )
}

function Upload(props: { certificates: CertificatesView; withKey: boolean; onChange: () => void }): VNode {
  const { certificates, withKey } = props
  const [fqdn, setFqdn] = useState(certificates.request?.fqdn ?? certificates.sbcFqdn ?? '')
  const [certificatePem, setCertificate] = useState('')
  const [keyPem, setKey] = useState('')
  const form = useRef<HTMLFormElement>(null)
  const keep = useAction(async () => {
    const body = { fqdn, certificatePem, ...(withKey ? { keyPem } : {}) }
    await ask('PUT', '/api/certificates/trunk', body)
    props.onChange()
  })
  useProblemFocus(form, keep.failure)
  const problemOf = (field: string): string | undefined =>
    keep.failure?.field === field
      ? [keep.failure.message, keep.failure.advice].filter(Boolean).join(' ')
      : undefined
  const edited = (set: (text: string) => void) => (text: string) => {
    keep.clear()
    set(text)
  }
  const named = ['fqdn', 'certificatePem', 'keyPem'].some(problemOf)
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault()
        void keep.run()
      }}
    >
      {withKey && <TrunkName value={fqdn} onValue={edited(setFqdn)} problem={problemOf('fqdn')} />}
      <PemField
        label="Certificate with its intermediates (PEM)"
        value={certificatePem}
        onValue={edited(setCertificate)}
        problem={problemOf('certificatePem') ?? (withKey ? undefined : problemOf('fqdn'))}
        hint="The certificate first, then those of the authority. Paste it or choose the file."
      />
      {withKey && (
        <PemField
          label="Private key (PEM)"
          value={keyPem}
          onValue={edited(setKey)}
          problem={problemOf('keyPem')}
          hint="Without a passphrase. It is kept on the box, readable for the box only, and never shown again."
        />
      )}
      {!named && <Failure failure={keep.failure} />}
      <footer class="dialog-foot">
        <button type="submit" class="primary" disabled={keep.busy || certificatePem.trim() === ''}>
          {keep.busy ? 'Checking …' : 'Check and keep'}
        </button>
      </footer>
    </form>
  )
}

function Request(props: { certificates: CertificatesView; onChange: () => void }): VNode {
  const { request, sbcFqdn } = props.certificates
  const [fqdn, setFqdn] = useState(request?.fqdn ?? sbcFqdn ?? '')
  const [organisation, setOrganisation] = useState('')
  const form = useRef<HTMLFormElement>(null)
  const make = useAction(async () => {
    await ask('POST', '/api/certificates/request', {
      fqdn,
      ...(organisation.trim() === '' ? {} : { organisation: organisation.trim() }),
    })
    props.onChange()
  })
  useProblemFocus(form, make.failure)
  if (request) {
    return (
      <>
        <TextArea label={`Request for ${request.fqdn}`} value={request.pem} rows={6} readOnly />
        <p>
          <CopyButton name="the request" text={request.pem} class="fit">
            Copy the request
          </CopyButton>
        </p>
        <p>Send it to a public certificate authority. Come back with what it sends; the request waits.</p>
        <Upload certificates={props.certificates} withKey={false} onChange={props.onChange} />
        <details>
          <summary>Start over with another request</summary>
          <RequestAgain make={() => void make.run()} busy={make.busy} fqdn={fqdn} onFqdn={setFqdn} />
          <Failure failure={make.failure} />
        </details>
      </>
    )
  }
  const nameProblem = make.failure?.field === 'fqdn' ? make.failure.message : undefined
  return (
    <form
      ref={form}
      onSubmit={(event) => {
        event.preventDefault()
        void make.run()
      }}
    >
      <TrunkName value={fqdn} onValue={setFqdn} problem={nameProblem} />
      <TextField
        label="Organisation (optional)"
        value={organisation}
        onValue={setOrganisation}
        maxLength={64}
        hint="As it shall stand in the certificate."
      />
      {!nameProblem && <Failure failure={make.failure} />}
      <footer class="dialog-foot">
        <button type="submit" class="primary" disabled={make.busy}>
          {make.busy ? 'Making the key …' : 'Make the request'}
        </button>
      </footer>
    </form>
  )
}

function RequestAgain(props: {
  fqdn: string
  busy: boolean
  onFqdn: (fqdn: string) => void
  make: () => void
}): VNode {
  return (
    <>
      <TrunkName value={props.fqdn} onValue={props.onFqdn} problem={undefined} />
      <p class="hint">A certificate for the request above can then no longer be used.</p>
      <button type="button" disabled={props.busy} onClick={props.make}>
        Make a new request
      </button>
    </>
  )
}

function TrunkName(props: {
  value: string
  onValue: (value: string) => void
  problem: string | undefined
}): VNode {
  return (
    <TextField
      label="Name of this box in Teams"
      value={props.value}
      onValue={props.onValue}
      problem={props.problem}
      placeholder="sbc.example.com"
      spellcheck={false}
      hint="A name under a domain that is verified in your tenant, not onmicrosoft.com; 63 characters at most."
      required
    />
  )
}

/** A text that can be pasted or read from a file. */
function PemField(props: {
  label: string
  value: string
  onValue: (value: string) => void
  problem: string | undefined
  hint: string
}): VNode {
  const id = useId()
  return (
    <div class="pem">
      <TextArea {...props} rows={4} placeholder="-----BEGIN …" />
      <label for={id} class="visually-hidden">
        File for “{props.label}”
      </label>
      <input
        id={id}
        type="file"
        accept=".pem,.crt,.cer,.key,.txt"
        onChange={(event) => {
          void event.currentTarget.files?.[0]?.text().then(props.onValue)
        }}
      />
    </div>
  )
}
