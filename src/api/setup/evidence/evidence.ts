import type { ApiContext } from '../../context.ts'
import type { StepView } from '../../schema/setup.ts'
import type { SetupProgress } from '../progress.ts'

/** What was seen of one step. */
export interface Evidence {
  state: Exclude<StepView['state'], 'skipped'>
  evidence: string
  /** When it was looked at, if not just now. */
  checkedAtMs?: number
}

/** What a step's evidence is read from. */
export interface EvidenceSources {
  context: ApiContext
  progress: SetupProgress
}

/** "1 phone", "2 phones". */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`
}

/** Sentences, one after the other. */
export function sentences(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}
