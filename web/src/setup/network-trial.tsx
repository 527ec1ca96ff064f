import type { VNode } from 'preact'
import type { NetworkTrialView } from '#src/api/schema/network.ts'
import { ask } from '../api-client.ts'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'

/** This page under another address of the box. */
export function pageAt(address: string): string {
  return `https://${address}:${location.port === '' ? 443 : location.port}/#/setup/network`
}

/** Settings on trial: kept by a confirmation that comes over the new address, or taken back. */
export function NetworkTrial(props: { trial: NetworkTrialView; onEnd: () => void }): VNode {
  const { configuration, secondsLeft, state } = props.trial
  const end = useAction(async (path: string, body?: object) => {
    await ask('POST', path, body)
    props.onEnd()
  })
  const elsewhere = configuration.address !== null && configuration.address !== location.hostname
  const target = configuration.address === null ? '' : pageAt(configuration.address)
  if (state !== 'onTrial') {
    return (
      <Notice
        tone="info"
        title={state === 'applying' ? 'The new settings are being put into force …' : 'Going back …'}
      />
    )
  }
  return (
    <Notice tone="warn" title={`On trial: ${secondsLeft} seconds left.`}>
      {elsewhere ? (
        <p>
          Open <a href={target}>{target}</a>, log in there and keep the settings. That proves that the new
          address works.
        </p>
      ) : (
        <p>You see this over the new settings: they work.</p>
      )}
      <p class="notice-actions">
        {!elsewhere && (
          <button
            type="button"
            class="primary"
            disabled={end.busy}
            onClick={() => void end.run('/api/network/confirm', {})}
          >
            Keep these settings
          </button>
        )}
        <button type="button" disabled={end.busy} onClick={() => void end.run('/api/network/rollback')}>
          Go back now
        </button>
      </p>
      <Failure failure={end.failure} />
    </Notice>
  )
}
