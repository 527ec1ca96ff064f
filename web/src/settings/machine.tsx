import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { HostView } from '#src/api/schema/host.ts'
import type { StatusView } from '#src/api/schema/health.ts'
import { Failure, Notice } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { FactoryReset } from './factory-reset.tsx'
import { Reboot } from './reboot.tsx'
import './machine.css'

type Asked = 'reboot' | 'factoryReset'

/** Restart, reboot and factory reset: each says first what is lost by it. */
export function Machine(props: { onRestart: () => void }): VNode {
  const { data, failure, reload } = useResource<HostView>('/api/host')
  const status = useResource<StatusView>('/api/status', ['callStarted', 'callEnded'])
  const [asked, setAsked] = useState<Asked>()
  const [back, setBack] = useState(false)
  const ask = (what: Asked): void => {
    setBack(false)
    setAsked(what)
  }
  const close = (): void => setAsked(undefined)
  const comeBack = (): void => {
    close()
    setBack(true)
    reload()
  }
  return (
    <section aria-labelledby="machine" class="card machine">
      <h2 id="machine">Restart and reset</h2>
      <Failure failure={failure} onRetry={reload} />
      {back && <Notice tone="ok" title="The box is back." />}
      <ul>
        <li>
          <p>
            <strong>Restart</strong> starts the box’s program anew. Nothing is lost.
          </p>
          <button type="button" onClick={props.onRestart}>
            Restart the box …
          </button>
        </li>
        {data?.ownsMachine && (
          <li>
            <p>
              <strong>Reboot</strong> starts the whole machine anew. Nothing is lost.
            </p>
            <button type="button" onClick={() => ask('reboot')}>
              Reboot …
            </button>
          </li>
        )}
        {data && (
          <li>
            <p>
              <strong>Factory reset</strong> erases everything the box was told.
            </p>
            <button type="button" class="danger" onClick={() => ask('factoryReset')}>
              Factory reset …
            </button>
          </li>
        )}
      </ul>
      {asked === 'reboot' && <Reboot onBack={comeBack} onClose={close} />}
      {asked === 'factoryReset' && (
        <FactoryReset
          ownsMachine={data?.ownsMachine === true}
          liveCalls={status.data?.counts.liveCalls ?? 0}
          onClose={close}
        />
      )}
    </section>
  )
}
