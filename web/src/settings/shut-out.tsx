import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { BanListView, BanView } from '#src/api/schema/bans.ts'
import { ask } from '../api-client.ts'
import { count, formatMoment } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction, useResource } from '../use-resource.ts'
import './shut-out.css'

/** Who is shut out of SIP, why and until when, and the ways back. `onlyWhenSome`: nothing while it is nobody. */
export function ShutOut(props: { onlyWhenSome?: boolean }): VNode | null {
  const { data, failure, reload } = useResource<BanListView>('/api/bans', ['bansChanged', 'settingsChanged'])
  const [forEver, setForEver] = useState<BanView>()
  const [done, setDone] = useState<string>()
  const heading = useRef<HTMLHeadingElement>(null)
  const finish = (text: string): void => {
    setDone(text)
    reload()
  }
  // The button that had the focus goes with its row; and a window that closes gives the focus back first.
  useEffect(() => {
    if (done !== undefined) heading.current?.focus()
  }, [done])
  // A drachtio-server shuts out on its own, or the guard is switched off: nothing to show.
  if (failure?.code === 'PART_NOT_RUNNING' || (!data && !failure)) return null
  if (props.onlyWhenSome && done === undefined && (!data || data.total === 0)) return null
  return (
    <section aria-labelledby="shut-out" class="shut-out">
      <h2 id="shut-out" ref={heading} tabIndex={-1}>
        Shut out
      </h2>
      <p class="hint">
        Addresses that flood the box with SIP messages, scan it or guess passwords are shut out for a while,
        longer each time. An address with a registered phone never is. This page stays open to everybody.
      </p>
      <Failure failure={failure} onRetry={reload} />
      {done && <Notice tone="ok" title={done} />}
      {data && data.kernel === 'failed' && (
        <Notice tone="warn" title="The firewall of this machine does not help.">
          <p>The box shuts them out by itself, which costs it a little more. {data.kernelFailure}</p>
        </Notice>
      )}
      {data && data.total === 0 && <p class="muted">Nobody is shut out.</p>}
      {data && data.total > 0 && (
        <ul class="rows">
          {data.bans.map((ban) => (
            <Row key={ban.address} ban={ban} onDone={finish} onForEver={() => setForEver(ban)} />
          ))}
        </ul>
      )}
      {data && data.total > 0 && data.kernel === 'off' && (
        <p class="muted">
          The box refuses them by itself: the firewall of this machine is not the box’s own.
        </p>
      )}
      {data && data.total > data.bans.length && (
        <p class="muted">And {count(data.total - data.bans.length, 'other')}, shut out earlier.</p>
      )}
      {data && data.allowList.length > 0 && (
        <p class="hint">
          Never shut out: <span class="shut-out-list">{data.allowList.join(', ')}</span>. Changed with the SIP
          settings.
        </p>
      )}
      {forEver && (
        <NeverAgain
          ban={forEver}
          onClose={() => setForEver(undefined)}
          onDone={() => {
            setForEver(undefined)
            finish(`${forEver.address} is never shut out again.`)
          }}
        />
      )}
    </section>
  )
}

function Row(props: { ban: BanView; onDone: (text: string) => void; onForEver: () => void }): VNode {
  const { ban, onDone, onForEver } = props
  const letIn = useAction(async () => {
    await ask('DELETE', `/api/bans/${encodeURIComponent(ban.address)}`)
    onDone(`${ban.address} is let in again.`)
  })
  return (
    <li>
      <strong class="shut-out-address">{ban.address}</strong>
      <div class="shut-out-why">
        <p>{ban.why}</p>
        <p class="muted">
          Until {formatMoment(ban.untilAtMs)}
          {ban.times > 1 && `, for the ${ordinal(ban.times)} time`}
          {ban.reach === 'udp' && '; UDP only, for these packets may have been forged'}
          {ban.refused > 0 && `; ${count(ban.refused, 'packet')} refused since`}.
        </p>
        {ban.sample !== null && (
          <details>
            <summary>What it sent</summary>
            <code>{ban.sample}</code>
          </details>
        )}
        <Failure failure={letIn.failure} />
      </div>
      <span class="shut-out-tools">
        <button
          type="button"
          class="small"
          aria-label={`Let in again: ${ban.address}`}
          disabled={letIn.busy}
          onClick={() => void letIn.run()}
        >
          Let in again
        </button>
        <button
          type="button"
          class="small"
          aria-label={`Never shut out ${ban.address} …`}
          onClick={onForEver}
        >
          Never shut out …
        </button>
      </span>
    </li>
  )
}

function NeverAgain(props: { ban: BanView; onClose: () => void; onDone: () => void }): VNode {
  const { ban, onClose, onDone } = props
  const allow = useAction(async () => {
    await ask('POST', '/api/allow-list', { address: ban.address })
    onDone()
  })
  return (
    <Dialog title={`Never shut out ${ban.address}?`} onClose={onClose}>
      <p>
        It is let in now, and whatever it sends, it is not shut out again. Right for phones, test tools and
        systems of your own; wrong for strangers. The list stands among the SIP settings.
      </p>
      <Failure failure={allow.failure} />
      <footer class="dialog-foot">
        <button type="button" onClick={onClose} autofocus>
          Cancel
        </button>
        <button type="button" class="primary" disabled={allow.busy} onClick={() => void allow.run()}>
          Never shut out
        </button>
      </footer>
    </Dialog>
  )
}

function ordinal(number: number): string {
  return ['', 'first', 'second', 'third'][number] ?? `${number}th`
}
