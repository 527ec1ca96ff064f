import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Dialog } from '../ui/dialog.tsx'
import { Notice } from '../ui/notice.tsx'

const lookEveryMs = 1_000
/** A box is then back in most cases; before that a try only shows the browser's own error. */
const worthATryMs = 20_000

/**
 * After a factory reset: the box comes back with a certificate that this browser has never seen, so it refuses to
 * ask it anything from here; only a person who opens the page anew can accept it. Where the browser trusts the new
 * certificate anyway, the page goes on by itself.
 */
export function NewBox(props: { since: number; ownsMachine: boolean }): VNode {
  const { since, ownsMachine } = props
  const [worthATry, setWorthATry] = useState(false)
  const open = (): void => location.assign('/')
  useEffect(() => {
    const timer = window.setInterval(() => {
      setWorthATry(Date.now() - since > worthATryMs)
      void isUnclaimed().then((unclaimed) => unclaimed && open())
    }, lookEveryMs)
    return () => window.clearInterval(timer)
  }, [])
  return (
    <Dialog title="The box starts as a new one" onClose={open}>
      <Notice tone="info" title="Everything is being erased …">
        <p>
          {ownsMachine
            ? 'The machine reboots: this takes about three minutes.'
            : 'This takes about half a minute.'}{' '}
          Then open this page anew. The box has made itself a new certificate, so the browser warns again, as
          it did the first time.
        </p>
      </Notice>
      <p>
        The new claim code stands on the box’s console
        {ownsMachine
          ? '. Its address comes from DHCP again, so it may be another one.'
          : ' and where the program was started.'}
      </p>
      <footer class="dialog-foot">
        <button type="button" class={worthATry ? 'primary' : ''} onClick={open}>
          Open the new box
        </button>
      </footer>
    </Dialog>
  )
}

/** True once a box without an owner answers here. */
async function isUnclaimed(): Promise<boolean> {
  try {
    const response = await fetch('/api/session', { signal: AbortSignal.timeout(5_000) })
    return response.ok && ((await response.json()) as { claimed: boolean | null }).claimed === false
  } catch {
    return false
  }
}
