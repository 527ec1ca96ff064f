import type { VNode } from 'preact'
import { useId, useState } from 'preact/hooks'
import type { DectServerView, HandsetsView } from '#src/api/schema/handsets.ts'
import { ask } from '../api-client.ts'
import { count } from '../format.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Failure, Notice } from '../ui/notice.tsx'
import { useAction } from '../use-resource.ts'
import { problemsOf } from './add-handset.tsx'

/** Adds a list of handsets, all or none; says of each row what is wrong. */
export function PasteHandsets(props: { server: DectServerView; onClose: () => void }): VNode {
  const { server, onClose } = props
  const [text, setText] = useState('')
  const [added, setAdded] = useState<number>()
  const id = useId()
  const add = useAction(async () => {
    const path = `/api/devices/${server.device.id}/handsets/csv`
    setAdded((await ask<HandsetsView>('POST', path, { text })).handsets.length)
  })

  if (added !== undefined) {
    return (
      <Dialog title="Paste a list of handsets" onClose={onClose}>
        <Notice tone="ok" title={`${count(added, 'handset')} added.`}>
          Each has an access code of its own: “Code” in its row. Then let the handsets subscribe.
        </Notice>
        <footer class="dialog-foot">
          <button type="button" class="primary" onClick={onClose} autofocus>
            Done
          </button>
        </footer>
      </Dialog>
    )
  }

  const problems = problemsOf(add.failure)
  return (
    <Dialog title="Paste a list of handsets" onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void add.run()
        }}
      >
        <div class="field">
          <label for={id}>Handsets</label>
          <textarea
            id={id}
            class="handset-list"
            rows={10}
            spellcheck={false}
            maxLength={60_000}
            placeholder={'57005 0782068 7; Ward 3; 203\n57005 0782069 8; Ward 4'}
            aria-describedby={`${id}-hint`}
            value={text}
            autofocus
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <p class="hint" id={`${id}-hint`}>
            One per row: IPEI, name and, if you like, extension; parted by commas, semicolons or tabs, as
            copied from a spreadsheet. The first row may name the columns.
          </p>
        </div>
        {problems.length === 0 ? (
          <Failure failure={add.failure} />
        ) : (
          <Notice tone="bad" title={`${count(problems.length, 'thing')} to mend; nothing was added.`}>
            <ul class="handset-problems">
              {problems.map((problem) => (
                <li key={`${problem.row} ${problem.field}`}>
                  <strong>Row {problem.row}</strong> {problem.text}
                </li>
              ))}
            </ul>
          </Notice>
        )}
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={add.busy || text.trim() === ''}>
            {add.busy ? 'Adding …' : 'Add handsets'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
