/** How one part of the box is. `off` = switched off by choice. */
export interface PartHealth {
  name: string
  state: 'ok' | 'starting' | 'degraded' | 'failed' | 'off'
  /** One sentence on what is, and with `failed` or `degraded` what is wrong. */
  detail: string
  /** How to mend it; only when something is wrong. */
  advice: string | undefined
}
