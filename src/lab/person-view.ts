import type { LabAccount } from './accounts.ts'
import type { TeamsBehaviour } from './people.ts'
import type { TeamsEdge } from './teams-edge-port.ts'

/** A lab person as the control API and the pages show them. */
export interface PersonView {
  key: string
  displayName: string
  upn: string
  number: string | null
  licensed: boolean
  enabled: boolean
  canSignIn: boolean
  purpose: string
  /** How the Teams client behind the number answers now; null without a number. */
  behaviour: TeamsBehaviour | null
}

/** Puts together what directory and Teams edge know about one person. */
export function personView(account: LabAccount, edge: Pick<TeamsEdge, 'behaviour'>): PersonView {
  const { key, displayName, upn, number, licensed, enabled, canSignIn, purpose } = account
  const behaviour = number === undefined ? undefined : edge.behaviour(number)
  return {
    key,
    displayName,
    upn,
    number: number ?? null,
    licensed,
    enabled,
    canSignIn,
    purpose,
    behaviour: behaviour ?? null,
  }
}
