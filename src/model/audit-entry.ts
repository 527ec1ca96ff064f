/** Who did what on the box; never carries secrets. */
export interface AuditEntry {
  id: number
  atMs: number
  /** `admin`, `console`, `phone:<username>` or `system`. */
  actor: string
  /** For example `device.add`, `settings.change`, `line.signIn`. */
  action: string
  subject: string
  details: Record<string, unknown>
}
