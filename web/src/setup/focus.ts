import type { ApiFailure } from '../api-client.ts'

/** After a refusal: puts the focus on the first input that has to be mended. */
export function focusFirstProblem(form: HTMLElement | null, failure: ApiFailure | undefined): void {
  if (!failure) return
  const input = form?.querySelector<HTMLElement>('[aria-invalid="true"]')
  input?.focus({ preventScroll: true })
  input?.scrollIntoView({ block: 'center' })
}
