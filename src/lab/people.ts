/** How a Teams client answers. `callsBack`: says the greeting, hangs up, and calls the caller after `afterMs`. */
export type TeamsBehaviour =
  | { answer: 'never' }
  | { answer: 'busy' }
  | { answer: 'callsBack'; afterMs: number }
  | { answer: 'afterMs'; afterMs: number; audio: 'greeting' | 'echo' }
  | { answer: 'afterMs'; afterMs: number; audio: 'tone'; toneHz: number }

/** One account of the lab tenant. */
export interface LabPerson {
  /** Short name, for lists and scripts. */
  key: string
  /** Entra object id. */
  id: string
  displayName: string
  /** User principal name. */
  upn: string
  /** E.164; undefined = the tenant has assigned none. */
  number: string | undefined
  /** Holds a Teams Phone licence. */
  licensed: boolean
  /** False for the numbers that only answer in Teams: nobody signs in as them. */
  canSignIn: boolean
  /** What this person is for, one sentence; shown on the page and in the README. */
  purpose: string
  /** How the Teams client behind the number answers at start; undefined when there is no number. */
  teams: TeamsBehaviour | undefined
}

/** Domain of all lab accounts. */
export const labDomain = 'lab.branchline.example'

/** Signed-in people have a Teams client too: it rings and does not answer until a test or a person says otherwise. */
const silentClient: TeamsBehaviour = { answer: 'never' }

function person(
  index: number,
  key: string,
  displayName: string,
  rest: Pick<LabPerson, 'number' | 'licensed' | 'canSignIn' | 'purpose' | 'teams'>,
): LabPerson {
  const id = `1ab00000-0000-4000-8000-${String(index).padStart(12, '0')}`
  return { key, id, displayName, upn: `${key}@${labDomain}`, ...rest }
}

const user = { licensed: true, canSignIn: true, teams: silentClient }
const service = { licensed: true, canSignIn: false }

/** Everybody in the lab tenant. */
export const labPeople: readonly LabPerson[] = [
  person(1, 'anna', 'Anna Albrecht', { ...user, number: '+493055501001', purpose: 'Signs in.' }),
  person(2, 'ben', 'Ben Bauer', { ...user, number: '+493055501002', purpose: 'Signs in.' }),
  person(3, 'carla', 'Carla Conrad', { ...user, number: '+493055501003', purpose: 'Signs in.' }),
  person(4, 'nora', 'Nora Neumann', {
    ...user,
    number: '+493055501004',
    purpose: 'Has number and licence; meant for a calling policy on the box that does not allow SIP devices.',
  }),
  person(5, 'otto', 'Otto Ohlsen', {
    ...user,
    number: undefined,
    teams: undefined,
    purpose: 'Has a licence and no number: his sign-in is refused.',
  }),
  person(6, 'lena', 'Lena Lorenz', {
    ...user,
    number: '+493055501006',
    licensed: false,
    purpose: 'Has a number and no licence: her sign-in is refused.',
  }),
  person(101, 'greeter', 'Lab greeter', {
    ...service,
    number: '+493055502001',
    teams: { answer: 'afterMs', afterMs: 500, audio: 'greeting' },
    purpose: 'Answers after half a second and says a greeting.',
  }),
  person(102, 'echo', 'Lab echo', {
    ...service,
    number: '+493055502002',
    teams: { answer: 'afterMs', afterMs: 200, audio: 'echo' },
    purpose: 'Answers and sends back what it hears.',
  }),
  person(103, 'callback', 'Lab callback', {
    ...service,
    number: '+493055502003',
    teams: { answer: 'callsBack', afterMs: 2000 },
    purpose: 'Answers, says the greeting, hangs up, and calls you back.',
  }),
  person(104, 'busy', 'Lab busy', {
    ...service,
    number: '+493055502004',
    teams: { answer: 'busy' },
    purpose: 'Is always busy.',
  }),
  person(105, 'never-answers', 'Lab never answers', {
    ...service,
    number: '+493055502005',
    teams: { answer: 'never' },
    purpose: 'Rings and never answers.',
  }),
]
