/** An Entra account that may sign in on phones, as the box knows it. */
export interface User {
  /** Entra object id (GUID). */
  id: string
  tenantId: string
  /** User principal name, for example anna@contoso.example. */
  upn: string
  displayName: string
  /** E.164 with `+`, or undefined when the tenant has assigned none. */
  number: string | undefined
  /** True when the account holds a Teams Phone licence (or Teams Shared Devices). */
  licensed: boolean
  /** True for a person of the lab tenant. */
  lab: boolean
  /** When the tenant was last read for this user; epoch ms. */
  updatedAtMs: number
}
