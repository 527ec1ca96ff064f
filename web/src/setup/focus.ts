import type { RefObject } from 'preact'
import { useLayoutEffect } from 'preact/hooks'
import type { ApiFailure } from '../api-client.ts'

/** After a refusal: puts the focus on the first input that has to be mended, with the words that say so and not after them. */
export function useProblemFocus(form: RefObject<HTMLElement | null>, failure: ApiFailure | undefined): void {
  useLayoutEffect(() => {
    if (!failure) return
    const input = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')
    input?.focus({ preventScroll: true })
    input?.scrollIntoView({ block: 'center' })
  }, [failure])
}
