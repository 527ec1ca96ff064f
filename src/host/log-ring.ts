/** Records kept at once. */
const maxRecords = 500
/** Characters kept at once, over all records. */
const maxCharacters = 262_144
/** One record longer than this is cut when it is kept. */
const maxRecordCharacters = 4_096

interface LogRecord {
  text: string
  readable: boolean
}

/**
 * The end of the log in memory, for the maintenance console: bounded in records and in size, oldest dropped first.
 * Records are kept as they were written, secrets masked, and made readable only when somebody reads them.
 */
export class LogRing {
  readonly #toText: (json: string) => string
  #records: LogRecord[] = []
  #characters = 0

  /** `toText` turns a record into a line for people. */
  constructor(toText: (json: string) => string) {
    this.#toText = toText
  }

  /** Keeps one record as the log wrote it. */
  add(json: string): void {
    const long = json.length > maxRecordCharacters
    const text = long ? `${this.#toText(json).slice(0, maxRecordCharacters)} ...` : json
    this.#records.push({ text, readable: long })
    this.#characters += text.length
    // Dropped by the half, not one by one: shifting an array costs its length.
    if (this.#records.length > 2 * maxRecords || this.#characters > 2 * maxCharacters) this.#drop()
  }

  /** The latest records as lines for people, oldest first. */
  lines(): string[] {
    this.#drop()
    return this.#records.map(({ text, readable }) => (readable ? text : this.#toText(text)).trimEnd())
  }

  #drop(): void {
    const kept: LogRecord[] = []
    let characters = 0
    for (const record of this.#records.toReversed()) {
      if (kept.length >= maxRecords || characters + record.text.length > maxCharacters) break
      kept.push(record)
      characters += record.text.length
    }
    this.#records = kept.reverse()
    this.#characters = characters
  }
}
