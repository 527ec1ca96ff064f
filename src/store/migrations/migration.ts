/** One step of the database from the version before to `version`; never edited once released. */
export interface Migration {
  version: number
  name: string
  sql: string
}
