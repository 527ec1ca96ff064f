import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { DeviceView, LineView } from '#src/api/schema/devices.ts'
import type { EnrolmentsView, EnrolmentView } from '#src/api/schema/enrolments.ts'
import { SignInDialog } from '../phones/sign-in.tsx'
import { Empty, Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { Announce } from './announce.tsx'
import './common-area.css'
import { EnrolmentRow } from './enrolment-row.tsx'
import { ImportFile } from './import-file.tsx'
import { NewCode } from './new-code.tsx'
import { OffBoardedDevices } from './off-boarded.tsx'
import { RemoveEnrolment } from './remove-enrolment.tsx'

/** What a row may ask for; the window is opened here so that it outlives a change of the list. */
export type EnrolmentRequest =
  | { kind: 'announce' | 'import' }
  | { kind: 'newCode' | 'remove'; enrolment: EnrolmentView }
  | { kind: 'signIn'; device: DeviceView; line: LineView }

/** Common area phones: announced here, enrolled by dialling a code on them, then signed in from here. */
export function CommonArea(): VNode {
  const { data, failure, reload } = useResource<EnrolmentsView>('/api/enrolments', [
    'enrolmentsChanged',
    'devicesChanged',
  ])
  const { data: all } = useResource<{ devices: DeviceView[] }>('/api/devices', [
    'bindingChanged',
    'devicesChanged',
    'signedIn',
    'signedOut',
  ])
  const [request, setRequest] = useState<EnrolmentRequest>()
  const close = (): void => {
    setRequest(undefined)
    reload()
  }
  const enrolments = data?.enrolments ?? []
  return (
    <>
      <div class="page-head">
        <h1>Common area phones</h1>
        {enrolments.length > 0 && (
          <p class="muted" role="status">
            {summary(enrolments)}
          </p>
        )}
        <button type="button" class="primary" onClick={() => setRequest({ kind: 'announce' })}>
          Announce a phone
        </button>
        <button type="button" onClick={() => setRequest({ kind: 'import' })}>
          Import a list
        </button>
      </div>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && enrolments.length === 0 && (
        <Empty title="No common area phones yet">
          <p>
            Announce the phones of lobbies, canteens and corridors by their MAC address and place, one by one
            or as a list. Each gets a code; whoever puts the phone up dials <code>*55*</code> and the code on
            it.
          </p>
        </Empty>
      )}
      {data && enrolments.length > 0 && (
        <>
          <div class="enrolment-tools">
            <a class="button" href="/api/enrolments/codes.csv" download="common-area-phones.csv">
              Codes as CSV
            </a>
            <button type="button" onClick={() => window.print()}>
              Print
            </button>
            <p class="hint">
              Dial <code>*55*</code> and the code on the phone itself. A code works on its own phone only,
              once, and for {Math.round(data.codeLifeMs / 86_400_000)} days.
            </p>
          </div>
          <table class="table enrolments" aria-label="Announced phones">
            <thead>
              <tr>
                <th scope="col">Phone</th>
                <th scope="col">Address</th>
                <th scope="col">Code</th>
                <th scope="col">State</th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {enrolments.map((enrolment) => (
                <EnrolmentRow
                  key={enrolment.id}
                  enrolment={enrolment}
                  device={all?.devices.find(({ id }) => id === enrolment.device?.id)}
                  onRequest={setRequest}
                />
              ))}
            </tbody>
          </table>
        </>
      )}
      <OffBoardedDevices />
      {request && <Window request={request} onClose={close} />}
    </>
  )
}

function Window(props: { request: EnrolmentRequest; onClose: () => void }): VNode {
  const { request, onClose } = props
  switch (request.kind) {
    case 'announce':
      return <Announce onClose={onClose} />
    case 'import':
      return <ImportFile onClose={onClose} />
    case 'newCode':
      return <NewCode enrolment={request.enrolment} onClose={onClose} />
    case 'remove':
      return <RemoveEnrolment enrolment={request.enrolment} onClose={onClose} />
    case 'signIn':
      return <SignInDialog device={request.device} line={request.line} onClose={onClose} />
  }
}

function summary(enrolments: readonly EnrolmentView[]): string {
  const states = ['waiting', 'enrolled', 'expired'] as const
  return states
    .map((state) => ({ state, amount: enrolments.filter((each) => each.state === state).length }))
    .filter(({ amount }) => amount > 0)
    .map(({ state, amount }) => `${amount} ${state}`)
    .join(' · ')
}
