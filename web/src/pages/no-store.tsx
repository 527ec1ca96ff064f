import type { VNode } from 'preact'
import type { HealthView } from '#src/api/schema/health.ts'
import { Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'
import { Gate } from './gate.tsx'
import { PartList } from './part-list.tsx'

/** Without its database the box knows no password: the page can only say what is wrong. */
export function NoStore(props: { lab: boolean; onRetry: () => void }): VNode {
  const { data, failure, reload } = useResource<HealthView>('/api/health')
  const starting = data?.state === 'starting'
  return (
    <Gate title={starting ? 'The box is starting' : 'The box cannot open its database'} lab={props.lab}>
      <p>
        {starting
          ? 'This takes a few seconds.'
          : 'Nobody can log in until this is mended. This is how its parts are:'}
      </p>
      <Failure failure={failure} onRetry={reload} />
      {data ? <PartList parts={data.parts} /> : !failure && <Loading />}
      <button
        type="button"
        class="primary"
        onClick={() => {
          reload()
          props.onRetry()
        }}
      >
        Look again
      </button>
    </Gate>
  )
}
