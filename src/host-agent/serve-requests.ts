import { errorText } from '#src/base/errors.ts'
import { refuse, type Machine, type Outcome } from './machine.ts'
import { readRequest } from './read-request.ts'
import type { RequestFolder } from './request-folder.ts'
import { requestNames, type Request } from './requests.ts'

/** What serving needs from the world. */
export interface ServeContext {
  folder: RequestFolder
  machine: Machine
  /** One line for the journal. */
  say: (text: string) => void
}

/** Serves every request that lies in the folder, once; returns how many there were. */
export async function serveRequests({ folder, machine, say }: ServeContext): Promise<number> {
  let served = 0
  for (const name of requestNames) {
    const taken = folder.take(name)
    if (!taken) continue
    served++
    const read = taken.ok ? readRequest(name, taken.bytes) : taken
    if (!read.ok) {
      say(`${name}: refused: ${read.error}`)
      folder.answer(name, read)
      continue
    }
    say(describe(read.request))
    const outcome = await act(machine, read.request)
    say(outcome.ok ? `${name}: done` : `${name}: not done: ${outcome.error}`)
    folder.answer(name, outcome)
    // Only after the answer: whoever asked must hear of it before the machine goes down.
    if (outcome.ok && (name === 'reboot' || name === 'factory-reset')) {
      const rebooting = await attempt(() => machine.reboot())
      if (rebooting.ok) return served
      say(`${name}: the machine does not reboot: ${rebooting.error}`)
      folder.answer(name, rebooting)
    }
  }
  return served
}

function act(machine: Machine, request: Request): Promise<Outcome> {
  switch (request.name) {
    case 'reboot':
      return Promise.resolve({ ok: true })
    case 'factory-reset':
      return attempt(() => machine.markForReset())
    case 'network':
      return attempt(() => machine.setNetwork(request.network))
    case 'time':
      return attempt(() => machine.setTimeZone(request.timeZone))
    case 'bans':
      return attempt(() => machine.setBans(request.bans))
  }
}

/** A defect or a full disk must leave an answer behind as well. */
async function attempt(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    return refuse(`The machine could not do it: ${errorText(error)}`)
  }
}

function describe(request: Request): string {
  if (request.name === 'network') return `network: ${JSON.stringify(request.network)}`
  if (request.name === 'bans') {
    const { flush, ban, lift } = request.bans
    return `bans: ${flush ? 'all lifted, ' : ''}${ban.length} made, ${lift.length} lifted`
  }
  if (request.name === 'time') return `time: ${request.timeZone}`
  return `${request.name}: ${request.reason}`
}
