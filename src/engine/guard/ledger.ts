import { ownText } from '#src/base/own-text.ts'
import { emptyBucket, pour, type Bucket } from './bucket.ts'
import type { EvidenceKind, EvidenceRule } from './options.ts'

/** Things that one source tried are remembered this far back. */
const maxSubjects = 16

/** What is known against one source. */
export interface Case {
  /** Pieces of evidence, all kinds. */
  count: number
  /** Wall clock, ms. */
  firstSeenAtMs: number
  lastSeenAtMs: number
  /** Beginning of the first message that counted; undefined where there is none. */
  sample: string | undefined
  buckets: Partial<Record<EvidenceKind, Bucket>>
  /** What was tried last: usernames, dialled numbers. Oldest first. */
  subjects: string[]
}

/** A piece of evidence. */
export interface Piece {
  kind: Exclude<EvidenceKind, 'flood'>
  /** What it is about; undefined = nothing in particular. */
  subject?: string | undefined
  sample?: (() => string) | undefined
}

/** The evidence against each source, the source heard of longest ago first; bounded, and pure but for its memory. */
export class Ledger {
  readonly #rules: Record<Piece['kind'], EvidenceRule>
  readonly #maxSources: number
  readonly #cases = new Map<string, Case>()

  constructor(rules: Record<Piece['kind'], EvidenceRule>, maxSources: number) {
    this.#rules = rules
    this.#maxSources = maxSources
  }

  get size(): number {
    return this.#cases.size
  }

  /** Writes a piece down; returns the case when it is enough now. It then begins anew. */
  note(source: string, piece: Piece, time: { nowMs: number; wallMs: number }): Case | undefined {
    const rule = this.#rules[piece.kind]
    const known = this.#cases.get(source)
    const found: Case = known ?? {
      count: 0,
      firstSeenAtMs: time.wallMs,
      lastSeenAtMs: time.wallMs,
      sample: undefined,
      buckets: {},
      subjects: [],
    }
    // To the end: whoever was quiet longest is forgotten first.
    if (known) this.#cases.delete(source)
    else if (this.#cases.size >= this.#maxSources) this.#forgetOldest()
    this.#cases.set(source, found)
    found.count++
    found.lastSeenAtMs = time.wallMs
    found.sample ??= piece.sample?.()
    const weight = isRepeat(found, piece) ? rule.repeatWeight : rule.weight
    const bucket = (found.buckets[piece.kind] ??= emptyBucket(time.nowMs))
    if (pour(bucket, weight, rule.threshold / rule.windowMs, time.nowMs) < rule.threshold) return undefined
    this.#cases.delete(source)
    return found
  }

  forget(source: string): void {
    this.#cases.delete(source)
  }

  #forgetOldest(): void {
    for (const source of this.#cases.keys()) {
      this.#cases.delete(source)
      return
    }
  }
}

function isRepeat(found: Case, { kind, subject }: Piece): boolean {
  if (subject === undefined) return false
  const text = `${kind} ${ownText(subject.slice(0, 64))}`
  if (found.subjects.includes(text)) return true
  found.subjects.push(text)
  if (found.subjects.length > maxSubjects) found.subjects.shift()
  return false
}
