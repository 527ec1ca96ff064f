import { prompt } from '#src/media/endpoint/prompts.ts'
import type { EndpointSession, Pcm } from '#src/media/endpoint/media-endpoint.ts'
import { concatPcm, silence, steadyTone } from '#src/media/endpoint/tone-generator.ts'
import type { LabPerson, TeamsBehaviour } from '../people.ts'

/** A person of the lab with a number, and how their Teams client behaves now. */
export interface TeamsClient {
  person: LabPerson
  number: string
  behaviour: TeamsBehaviour
}

/** The Teams clients of everybody who has a number. */
export class TeamsClients {
  readonly #byNumber = new Map<string, TeamsClient>()

  constructor(people: readonly LabPerson[]) {
    for (const person of people) {
      const { number, teams } = person
      if (number !== undefined) {
        this.#byNumber.set(number, { person, number, behaviour: teams ?? { answer: 'never' } })
      }
    }
  }

  find(number: string): TeamsClient | undefined {
    return this.#byNumber.get(number)
  }

  /** False when nobody has this number. */
  setBehaviour(number: string, behaviour: TeamsBehaviour): boolean {
    const client = this.#byNumber.get(number)
    if (!client) return false
    this.#byNumber.set(number, { ...client, behaviour })
    return true
  }
}

/** What a client does with its voice once a call is up. */
export type Speech =
  { kind: 'greeting' } | { kind: 'callsBack' } | { kind: 'echo' } | { kind: 'tone'; hz: number }

const toneLevelDbm0 = -13
/** The tone of a call that Teams places, where the person has none of their own. */
const placedCallHz = 660

/** What is said on a call that the client answered. */
export function speechOfAnswer(behaviour: TeamsBehaviour): Speech {
  if (behaviour.answer === 'callsBack') return { kind: 'callsBack' }
  if (behaviour.answer !== 'afterMs') return { kind: 'greeting' }
  if (behaviour.audio === 'tone') return { kind: 'tone', hz: behaviour.toneHz }
  return { kind: behaviour.audio }
}

/** What is said on a call that the client placed: whoever calls back greets, everybody else is a tone. */
export function speechOfPlacedCall(behaviour: TeamsBehaviour): Speech {
  if (behaviour.answer === 'callsBack') return { kind: 'greeting' }
  const tone = behaviour.answer === 'afterMs' && behaviour.audio === 'tone'
  return { kind: 'tone', hz: tone ? behaviour.toneHz : placedCallHz }
}

/** Says it; resolves when there is nothing more to say and the client hangs up. Echo and tone never end by themselves. */
export async function speak(session: EndpointSession, speech: Speech): Promise<void> {
  switch (speech.kind) {
    case 'greeting':
      await session.play(sentences(prompt('lab-greeting'), prompt('goodbye')))
      return
    case 'callsBack':
      await session.play(sentences(prompt('lab-callback')))
      return
    case 'echo':
      session.echo(true)
      return new Promise(() => undefined)
    case 'tone':
      await session.play(steadyTone(speech.hz, toneLevelDbm0), { repeat: true })
  }
}

function sentences(...parts: Pcm[]): Pcm {
  // A pause in front, because the first frames of a call are often lost while the path settles.
  return concatPcm(parts.flatMap((part) => [silence(300), part]))
}
