import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { CheckId, CheckView, SetupView } from '#src/api/schema/setup.ts'
import { ask } from '../api-client.ts'
import { formatMoment } from '../format.ts'
import { Failure } from '../ui/notice.tsx'
import { State, type Light } from '../ui/state.tsx'
import { useAction } from '../use-resource.ts'

const lights: Record<CheckView['state'], { light: Light; word: string }> = {
  ok: { light: 'ok', word: 'good' },
  failed: { light: 'bad', word: 'not good' },
  unknown: { light: 'off', word: 'not known' },
}

/** Live checks, each with its own button; `auto` runs them when the step is opened. */
export function LiveChecks(props: {
  checks: readonly { id: CheckId; title: string }[]
  setup: SetupView
  auto?: boolean
  onResult: () => void
}): VNode {
  return (
    <ul class="rows checks">
      {props.checks.map(({ id, title }) => (
        <LiveCheck
          key={id}
          id={id}
          title={title}
          known={props.setup.checks.find((one) => one.id === id)}
          auto={props.auto ?? false}
          onResult={props.onResult}
        />
      ))}
    </ul>
  )
}

function LiveCheck(props: {
  id: CheckId
  title: string
  known: CheckView | undefined
  auto: boolean
  onResult: () => void
}): VNode {
  const { id, title, known } = props
  const [fresh, setFresh] = useState<CheckView>()
  const check = useAction(async () => {
    setFresh(await ask<CheckView>('POST', `/api/setup/checks/${id}`))
    props.onResult()
  })
  useEffect(() => {
    if (props.auto) void check.run()
  }, [])
  const result = known && fresh && known.checkedAtMs > fresh.checkedAtMs ? known : (fresh ?? known)
  return (
    <li>
      <span class="part-name">{title}</span>
      <div class="check-result" role="status">
        {check.busy ? (
          <State light="wait">checking …</State>
        ) : result ? (
          <Result result={result} />
        ) : (
          <span class="muted">not checked yet</span>
        )}
        <Failure failure={check.failure} />
      </div>
      <button
        type="button"
        class="small"
        aria-label={`${result ? 'Check again' : 'Check now'}: ${title}`}
        disabled={check.busy}
        onClick={() => void check.run()}
      >
        {result ? 'Check again' : 'Check now'}
      </button>
    </li>
  )
}

function Result(props: { result: CheckView }): VNode {
  const { state, text, advice, parts, checkedAtMs } = props.result
  const { light, word } = lights[state]
  return (
    <>
      <State light={light}>{word}</State> <span>{text}</span>
      {advice !== null && <p class="advice">{advice}</p>}
      {parts.length > 0 && (
        <ul class="hosts">
          {parts.map((part) => (
            <li key={part.name}>
              <State light={part.ok ? 'ok' : 'bad'} quiet>
                {part.ok ? 'good' : 'not good'}
              </State>{' '}
              {part.name} <span class="muted">{part.text}</span>
            </li>
          ))}
        </ul>
      )}
      <p class="muted">Checked {formatMoment(checkedAtMs)}</p>
    </>
  )
}
