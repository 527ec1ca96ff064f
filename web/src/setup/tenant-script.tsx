import type { VNode } from 'preact'
import type { ScriptView } from '#src/api/schema/setup.ts'
import { CopyButton } from '../ui/copy-value.tsx'
import { TextArea } from '../ui/fields.tsx'
import { Failure, Loading } from '../ui/notice.tsx'
import { useResource } from '../use-resource.ts'

/** The script for the Teams administrator, made from what was entered. */
export function TenantScript(): VNode {
  const { data, failure, reload } = useResource<ScriptView>('/api/setup/tenant/script', ['settingsChanged'])
  return (
    <div class="stack">
      <p>
        A Teams administrator runs this in PowerShell. Put the people in the list in part 4 of it first; it
        may be run again whenever somebody is added.
      </p>
      <Failure failure={failure} onRetry={reload} />
      {!data && !failure && <Loading />}
      {data && (
        <>
          <TextArea label={data.file} value={data.text} rows={12} readOnly />
          <p class="notice-actions">
            <CopyButton name="the script" text={data.text} class="fit">
              Copy the script
            </CopyButton>
            <a
              class="button"
              download={data.file}
              href={`data:text/plain;charset=utf-8,${encodeURIComponent(data.text)}`}
            >
              Save as a file
            </a>
          </p>
        </>
      )}
    </div>
  )
}
