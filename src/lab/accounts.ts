import { labPeople, type LabPerson } from './people.ts'

/** What an administrator of the lab tenant can take away from a person and give back. */
export interface AccountState {
  /** False: the account is disabled, its tokens are refused. */
  enabled: boolean
  licensed: boolean
  /** False: the number is not assigned to the person any more. */
  numberAssigned: boolean
}

/** An account as Entra and Graph see it now. */
export interface LabAccount extends LabPerson {
  enabled: boolean
}

/** The lab's directory: the fixed people with what was changed about them since the lab started. */
export interface LabAccounts {
  list(): LabAccount[]
  /** By Entra object id or user principal name. */
  find(idOrUpn: string): LabAccount | undefined
  /** By short name (`anna`); undefined = there is no such person. */
  change(key: string, state: Partial<AccountState>): LabAccount | undefined
}

/** Opens the directory; changes live as long as the process. */
export function createLabAccounts(): LabAccounts {
  const states = new Map<string, AccountState>()
  const stateOf = (person: LabPerson): AccountState =>
    states.get(person.key) ?? { enabled: true, licensed: person.licensed, numberAssigned: true }
  const account = (person: LabPerson): LabAccount => {
    const { enabled, licensed, numberAssigned } = stateOf(person)
    return { ...person, enabled, licensed, number: numberAssigned ? person.number : undefined }
  }
  return {
    list: () => labPeople.map(account),
    find(idOrUpn) {
      const person = labPeople.find((one) => one.id === idOrUpn || one.upn === idOrUpn)
      return person && account(person)
    },
    change(key, state) {
      const person = labPeople.find((one) => one.key === key)
      if (!person) return undefined
      states.set(key, { ...stateOf(person), ...state })
      return account(person)
    },
  }
}
