import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

/** A modal window on the browser's own dialog: it keeps the focus in, closes with Escape, gives the focus back. */
export function Dialog(props: {
  title: string
  onClose: () => void
  children: ComponentChildren
  wide?: boolean
  /** `full`: as wide as the window, for what is drawn. */
  size?: 'full'
}): VNode {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  const gone = useRef(false)
  useEffect(() => {
    const element = dialog.current
    const opener = document.activeElement
    element?.showModal()
    return () => {
      gone.current = true
      // While it is open, everything behind it is inert and takes no focus.
      element?.close()
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      class={['dialog', props.wide && 'wide', props.size].filter(Boolean).join(' ')}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        props.onClose()
      }}
      // Browsers close by themselves on a second Escape without another key between.
      onClose={() => {
        if (!gone.current) props.onClose()
      }}
    >
      <header class="dialog-head">
        <h2 id={titleId}>{props.title}</h2>
        <button type="button" class="quiet icon" aria-label="Close" onClick={props.onClose}>
          ✕
        </button>
      </header>
      <div class="dialog-body">{props.children}</div>
    </dialog>
  )
}

/** Asks before something is lost. */
export function Confirm(props: {
  title: string
  children: ComponentChildren
  action: string
  busy: boolean
  onConfirm: () => void
  onClose: () => void
}): VNode {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      {props.children}
      <footer class="dialog-foot">
        <button type="button" onClick={props.onClose} autofocus>
          Keep
        </button>
        <button type="button" class="danger" disabled={props.busy} onClick={props.onConfirm}>
          {props.action}
        </button>
      </footer>
    </Dialog>
  )
}
